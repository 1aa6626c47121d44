/** Children that die, hang, babble or are no agents at all: each is a result that says what happened, and nobody else is hurt. */
import { existsSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  allSessions,
  endOf,
  assertNoChildren,
  inKiln,
  openParent,
  pidOfWorking,
  script,
  type Parent,
} from "./delegating.ts";

const program = (name: string, command: string, args: string[], startupSeconds = 60): string =>
  [
    `[acp.agents.${name}]`,
    `command = ${JSON.stringify(command)}`,
    `args = ${JSON.stringify(args)}`,
    `startup_timeout_seconds = ${startupSeconds}`,
  ].join("\n");

/** Enough for a program to be up, also on a busy machine. */
const quick = "startup_timeout_seconds = 4";

const config = [
  "[limits]\ngrace_seconds = 0.2",
  scriptedProfile("parent", { delegation: "enabled = true\nmax_concurrent_delegations = 10" }),
  scriptedProfile("good"),
  scriptedProfile("hasty", { delegation: "enabled = true\ntimeout_seconds = 4" }),
  scriptedProfile("unhurried", { delegation: "enabled = true\ntimeout_seconds = 30" }),
  scriptedProfile("dies-initialize", { flags: ["--exit-at", "initialize", "--exit-code", "41"] }),
  scriptedProfile("dies-session", { flags: ["--exit-at", "session", "--exit-code", "42"] }),
  scriptedProfile("dies-prompt", { flags: ["--exit-at", "prompt", "--exit-code", "43"] }),
  scriptedProfile("mute-initialize", {
    flags: ["--no-initialize", "--stderr-banner", "waiting for godot"],
    settings: quick,
  }),
  scriptedProfile("mute-session", { flags: ["--no-session"], settings: quick }),
  scriptedProfile("signed-out", { flags: ["--auth-required"] }),
  scriptedProfile("banner", { flags: ["--banner", "Welcome to the agent!", "--early-updates"] }),
  scriptedProfile("stubborn", { flags: ["--ignore-sigterm", "--ignore-eof"] }),
  program("missing", "no-such-program-anywhere", []),
  program("not-executable", "/etc/passwd", []),
  program("echoing", "cat", []),
  program("sleeping", "sleep", ["100000"], 0.4),
  program("greeting", "echo", ["hello world"]),
  program("endless", "yes", [], 0.4),
  program("failing", "sh", ["-c", "echo cannot find my config >&2; exit 9"]),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [parent]),
});

function expectFailure(result: DelegationResult, code: string): string {
  expect(result).toMatchObject({ status: "failed", stop_reason: null, error: { code } });
  expect(result.error?.hint).toMatch(/./);
  return result.error!.message;
}

describe("a child that dies is a failed delegation with its exit code and the last of its stderr", () => {
  test.each([
    ["before it answers initialize", "dies-initialize", "CRU_AGENT_START", 41],
    ["before it answers session/new", "dies-session", "CRU_AGENT_EXITED", 42],
    ["when it is prompted", "dies-prompt", "CRU_AGENT_EXITED", 43],
  ])("%s", async (_, agent, code, exitCode) => {
    const message = expectFailure(await parent.delegate({ agent, task: "say x" }), code);
    expect(message).toContain(agent);
    expect(message).toContain(String(exitCode));
    expect(message).toContain("told to exit at");
  });

  test("in the middle of its work, with what it had said until then", async () => {
    const task = script("say half a sentence", "stderr segmentation something", "exit 44");
    const result = await parent.delegate({ agent: "good", task });
    const message = expectFailure(result, "CRU_AGENT_EXITED");
    expect(message).toContain("44");
    expect(message).toContain("segmentation something");
    expect(result.result).toBe("half a sentence");
  });

  test("by a signal, which is named", async () => {
    const message = expectFailure(await parent.delegate({ agent: "good", task: "die SIGKILL" }), "CRU_AGENT_EXITED");
    expect(message).toContain("SIGKILL");
  });

  test("by a hand from outside, which is noticed", async () => {
    const turn = parent.startTurn('delegate {"agent":"good","task":"say here\\nhang-hard"}');
    const pid = await pidOfWorking(daemon, "good");
    process.kill(pid, "SIGKILL");
    await turn.answer();
    expect(parent.editor.text(parent.session)).toContain("CRU_AGENT_EXITED");
  });

  test("although a process it leaves behind holds its output open, and that one is ended too", async () => {
    const task = script("spawn-grandchild setsid stdout", "die SIGKILL");
    const before = daemon.home.processes();
    const result = await parent.delegate({ agent: "good", task });
    expectFailure(result, "CRU_AGENT_EXITED");
    expect(result.result).toContain("grandchild");
    const left = (): number[] => daemon.home.processes().filter((pid) => !before.includes(pid));
    await until(() => left().length === 0, { what: "the process left behind is ended" });
  });
});

describe("a program that is no agent", () => {
  test("that does not exist", async () => {
    const message = expectFailure(await parent.delegate({ agent: "missing", task: "x" }), "CRU_AGENT_NOT_FOUND");
    expect(message).toContain("no-such-program-anywhere");
  });

  test("that may not be executed", async () => {
    const { error } = await parent.delegate({ agent: "not-executable", task: "x" });
    expect(error?.code).toMatch(/^CRU_AGENT_(NOT_FOUND|START)$/);
    expect(error?.message).toContain("/etc/passwd");
  });

  test("that ends with an error, told with its words", async () => {
    const message = expectFailure(await parent.delegate({ agent: "failing", task: "x" }), "CRU_AGENT_START");
    expect(message).toMatch(/code 9/);
    expect(message).toContain("cannot find my config");
  });

  test("that says something else and ends", async () => {
    expectFailure(await parent.delegate({ agent: "greeting", task: "x" }), "CRU_AGENT_START");
  });

  test("that says back what it hears", async () => {
    expectFailure(await parent.delegate({ agent: "echoing", task: "x" }), "CRU_AGENT_START");
  });

  test.each([["sleeping"], ["endless"]])(
    "that never answers is ended at startup_timeout_seconds: %s",
    async (agent) => {
      const message = expectFailure(await parent.delegate({ agent, task: "x" }), "CRU_AGENT_START");
      // One that talks without end may be given up for that before its time is over.
      expect(message).toMatch(/did not answer initialize within 400 ms|no answer to initialize/);
    },
  );
});

describe("a child that does not get going", () => {
  test("does not answer initialize in time: its stderr tells what it waits for; nor session/new", async () => {
    const results = await parent.delegateAll(
      ["mute-initialize", "mute-session"].map((agent) => ({ agent, task: "x" })),
    );
    const messages = results.map((result) => expectFailure(result, "CRU_AGENT_START"));
    expect(messages[0]).toContain("waiting for godot");
    expect(messages[1]).toContain("session/new");
  });

  test("wants its user to sign in first", async () => {
    const result = await parent.delegate({ agent: "signed-out", task: "x" });
    expectFailure(result, "CRU_AGENT_AUTH");
    expect(result.error?.hint).toMatch(/sign in/);
  });
});

describe("a child that babbles", () => {
  test("lines that are no JSON on its stdout, before and while it works, are passed over", async () => {
    const task = script("stray {not json", "stray just a log line", "say fine", "stray {}", "stray []", 'stray "x"');
    expect(await parent.delegate({ agent: "banner", task })).toMatchObject({ status: "completed", result: "fine" });
  });

  test("answers to requests that nobody made are passed over", async () => {
    const task = script('stray {"jsonrpc":"2.0","id":987654,"result":{}}', "say fine");
    expect(await parent.delegate({ agent: "good", task })).toMatchObject({ status: "completed", result: "fine" });
  });

  test("requests for what a child has not are answered, not left hanging", async () => {
    const task = script('request elicitation/create {"message":"?"}', 'request _vendor/thing {"a":1}');
    const { status, result } = await parent.delegate({ agent: "good", task });
    expect(status).toBe("completed");
    expect(result.match(/-32601/g)).toHaveLength(2);
  });
});

describe("one child's end is nobody else's", () => {
  test("siblings finish their work whatever becomes of the others", async () => {
    const turn = parent.startTurn(
      `delegates ${JSON.stringify([
        { agent: "good", task: script("touch s.began", "wait-for s.go", "say survived") },
        { agent: "good", task: script("wait-for s.began", "die SIGKILL") },
        { agent: "dies-session", task: "x" },
        { agent: "missing", task: "x" },
        { agent: "echoing", task: "x" },
        { agent: "good", task: 'fail -32603 "no"' },
      ])}`,
    );
    await until(() => existsSync(inKiln(daemon, "s.began")), { what: "the survivor to begin" });
    // Released only when it is alone.
    await until(async () => (await allSessions(daemon)).filter(({ depth }) => depth > 0).length === 1, {
      what: "the others to be over",
    });
    writeFileSync(inKiln(daemon, "s.go"), "");
    await turn.answer();
    const results = JSON.parse(lastTextOf(parent)) as DelegationResult[];
    expect(results.map(({ status }) => status)).toEqual([
      "completed",
      "failed",
      "failed",
      "failed",
      "failed",
      "failed",
    ]);
    expect(results[0]?.result).toBe("survived");
  });

  test("the parent goes on in the same session", async () => {
    await parent.delegate({ agent: "good", task: "die SIGKILL" });
    expect((await parent.prompt("say still here")).text).toBe("still here");
  });
});

describe("timeout_seconds", () => {
  test("a child that is not done by then is cancelled: timed_out, with what it had said; or killed, if it is deaf", async () => {
    await using hasty = await openParent(daemon, "hasty");
    const results = await hasty.delegateAll([
      { agent: "good", task: script("say so far", "hang") },
      { agent: "stubborn", task: script("say so far", "hang-hard") },
    ]);
    const isOver = { status: "timed_out", result: "so far", error: { code: "CRU_DELEGATION_TIMEOUT" } };
    expect(results).toMatchObject([
      { ...isOver, stop_reason: "cancelled" },
      { ...isOver, stop_reason: null },
    ]);
  });

  test("it is the calling profile's, and does not touch a quick child", async () => {
    await using unhurried = await openParent(daemon, "unhurried");
    expect(await unhurried.delegate({ agent: "good", task: "say quick" })).toMatchObject({ status: "completed" });
  });
});

function lastTextOf({ editor, session }: Parent): string {
  const chunks = editor.updates(session).filter(({ sessionUpdate }) => sessionUpdate === "agent_message_chunk");
  return chunks.at(-1)?.content?.text ?? "";
}
