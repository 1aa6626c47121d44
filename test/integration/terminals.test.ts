/** Commands that a child has its client run: in the kiln, bounded, told to whoever asked, and never longer than the child. */
import { existsSync } from "node:fs";
import { mkdir, readFile, realpath, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { maxTerminalsPerSession } from "../../src/kiln/terminals.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, serve, createTestHome, type TestDaemon, type TestHome } from "../support/daemon.ts";
import { isAlive } from "../support/processes.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, inKiln, mayDelegate, openParent, script, type Call, type Parent } from "./delegating.ts";

const config = [
  scriptedProfile("parent", { delegation: mayDelegate }),
  scriptedProfile("child", { env: { OF_PROFILE: "of the profile" }, flags: ["--log", "own.log"] }),
  scriptedProfile("built-in", { settings: 'extends = "codex"', flags: ["--log", "built-in.log"] }),
  '[permissions]\ndefault = "allow"',
  // Commands tell their pids here, which inside a sandbox are others.
  '[sandbox]\nmode = "off"',
  '[kiln]\ndeny = ["**/forbidden/**"]',
].join("\n");

let home: TestHome;
let daemon: TestDaemon;
let parent: Parent;

shareAmongTests({
  open: async () => {
    home = await createTestHome(config);
    Object.assign(home.env, { SOME_SECRET_KEY: "not for commands", LC_ALL: "C" });
    daemon = await serve(home);
    parent = await openParent(daemon, "parent");
    for (const name of ["sub", "forbidden"]) await mkdir(inKiln(daemon, name));
    await mkdir(join(home.folder, "outside"));
    await symlink(join(home.folder, "outside"), inKiln(daemon, "leak"));
  },
  close: () => endOf(daemon, [parent]),
});

type Answer = Record<string, unknown> & { error?: { code: number; message: string; data: { code: string } } };

async function delegated(call: Partial<Call> & { task: string }) {
  const result = await parent.delegate({ agent: "child", ...call });
  expect(result).toMatchObject({ status: "completed" });
  return result;
}

/** What the child says to these directives, each a line of JSON. */
async function answersTo(...lines: string[]): Promise<Answer[]> {
  const { result } = await delegated({ task: script(...lines) });
  return result
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Answer);
}

const create = (params: object): string => `terminal create ${JSON.stringify(params)}`;

describe("a command", () => {
  test("runs to its end, and both its outputs come in their order", async () => {
    const line = "echo one; echo two >&2; echo three; exit 7";
    const [created, exit, output, released] = await answersTo(
      create({ command: "/bin/sh", args: ["-c", line] }),
      "terminal wait_for_exit",
      "terminal output",
      "terminal release",
    );
    expect(created).toEqual({ terminalId: expect.stringMatching(/^trm_/) as string });
    expect(exit).toEqual({ exitCode: 7, signal: null });
    expect(output).toEqual({ output: "one\ntwo\nthree\n", truncated: false, exitStatus: exit });
    expect(released).toEqual({});
  });

  test("may be a line for the shell, as some agents give it", async () => {
    expect((await delegated({ task: "run echo a b | tr a-z A-Z && pwd" })).result).toBe(`A B\n${daemon.kiln}`);
  });

  test("that is not there ends like in a shell", async () => {
    const [, exit, output] = await answersTo(
      create({ command: "no-such-program", args: ["x"] }),
      "terminal wait_for_exit",
      "terminal output",
    );
    expect(exit).toEqual({ exitCode: 127, signal: null });
    expect(output?.["output"]).toMatch(/no-such-program/);
  });

  test("has no input, and ends when it asks for some", async () => {
    expect((await delegated({ task: "run cat; echo end" })).result).toBe("end");
  });

  test("gets the common environment, its profile's and what is asked for, and nothing of the daemon's own", async () => {
    const env = [{ name: "ASKED_FOR", value: "asked for" }];
    const line = "echo $OF_PROFILE, $ASKED_FOR, $LC_ALL, ${SOME_SECRET_KEY:-nothing}";
    const [, , { output }] = (await answersTo(
      create({ command: "sh", args: ["-c", line], env }),
      "terminal wait_for_exit",
      "terminal output",
    )) as [Answer, Answer, Answer];
    expect(output).toBe("of the profile, asked for, C, nothing\n");
  });

  test("is told with its exit code among what the child did", async () => {
    const { artifacts } = await delegated({
      task: script("run true", create({ command: "sh", args: ["-c", "exit 3"] }), "terminal wait_for_exit"),
    });
    expect(artifacts).toEqual([
      { kind: "command", command: "true", exit_code: 0 },
      { kind: "command", command: "sh -c 'exit 3'", exit_code: 3 },
    ]);
  });

  test("that its agent also shows as a tool call is told once", async () => {
    const task = script(create({ command: "exit 4;" }), "terminal show Runs the tests", "terminal wait_for_exit");
    expect((await delegated({ task })).artifacts).toEqual([{ kind: "command", command: "exit 4;", exit_code: 4 }]);
  });
});

describe("the kiln", () => {
  test("is where a command starts: in the session's directory, or in one inside", async () => {
    expect((await delegated({ task: "run pwd", cwd: "sub" })).result).toBe(inKiln(daemon, "sub"));
    const [, , output] = await answersTo(
      create({ command: "pwd", cwd: inKiln(daemon, "sub") }),
      "terminal wait_for_exit",
      "terminal output",
    );
    expect(output).toMatchObject({ output: `${await realpath(inKiln(daemon, "sub"))}\n` });
  });

  test.each([
    ["/", "CRU_KILN_OUTSIDE"],
    ["KILN/..", "CRU_KILN_OUTSIDE"],
    ["KILN/leak", "CRU_KILN_OUTSIDE"],
    ["KILN/forbidden", "CRU_KILN_DENIED"],
    ["sub", "CRU_REQUEST_INVALID"],
  ])("keeps it from starting in %s", async (cwd, code) => {
    const marker = inKiln(daemon, "was-run");
    const [answer] = await answersTo(
      create({ command: "touch", args: [marker], cwd: cwd.replace("KILN", daemon.kiln) }),
    );
    expect(answer?.error?.data.code).toBe(code);
    expect(existsSync(marker)).toBe(false);
  });

  test("is not left by a child that was not given execute", async () => {
    const result = await parent.delegate({ agent: "child", task: "run touch was-run", tools: ["read"] });
    expect(result.result).toContain("CRU_PERMISSION_DENIED");
    expect(existsSync(inKiln(daemon, "was-run"))).toBe(false);
  });
});

describe("output", () => {
  test("keeps its end within the limit, in whole characters, and says so", async () => {
    const [, , output] = await answersTo(
      create({ command: "sh", args: ["-c", "printf 'lost äöü'"], outputByteLimit: 5 }),
      "terminal wait_for_exit",
      "terminal output",
    );
    expect(output).toMatchObject({ output: "öü", truncated: true });
  });

  test("of a command that still runs is what there is so far", async () => {
    const line = "echo begun; touch began; while [ ! -e go ]; do sleep 0.02; done";
    const task = [create({ command: line }), "wait-for began", "terminal output", "touch go", "terminal wait_for_exit"];
    const [, output, exit] = await answersTo(...task);
    expect(output).toEqual({ output: "begun\n", truncated: false, exitStatus: null });
    expect(exit).toEqual({ exitCode: 0, signal: null });
  });
});

describe("a terminal", () => {
  /** A command with a child of its own in a session of its own, which names itself in a file. */
  const stubborn = (name: string): string =>
    `trap '' TERM; setsid sleep 100000 & echo $! > ${name}.new; mv ${name}.new ${name}; wait`;

  async function pidIn(name: string): Promise<number> {
    await until(() => existsSync(inKiln(daemon, name)), { what: `${name} to be written` });
    return Number(await readFile(inKiln(daemon, name), "utf8"));
  }

  test("is killed with all it started, and can still be read", async () => {
    const task = script(
      create({ command: `echo said; ${stubborn("killed.pid")}` }),
      "wait-for killed.pid",
      "terminal kill",
      "terminal output",
      "terminal wait_for_exit",
    );
    const [, killed, output, exit] = await answersTo(...task.split("\n"));
    expect(killed).toEqual({});
    expect(output).toMatchObject({ output: "said\n", exitStatus: { exitCode: null, signal: "SIGKILL" } });
    expect(exit).toEqual({ exitCode: null, signal: "SIGKILL" });
    expect(isAlive(await pidIn("killed.pid"))).toBe(false);
  });

  test("is released with all it started, and not known any more", async () => {
    const task = [create({ command: stubborn("released.pid") }), "wait-for released.pid", "terminal release"];
    const answers = await answersTo(...task, "terminal output", "terminal release");
    expect(answers.slice(-2).map(({ error }) => error?.data.code)).toEqual([
      "CRU_TERMINAL_UNKNOWN",
      "CRU_TERMINAL_UNKNOWN",
    ]);
    expect(isAlive(await pidIn("released.pid"))).toBe(false);
  });

  test.each([
    ["answers", "say done"],
    ["dies", "die SIGKILL"],
    ["fails", "fail -32000 no"],
  ])("does not outlive its session: the child %s", async (how, line) => {
    const name = `${how}.pid`;
    await parent.delegate({
      agent: "child",
      task: script(create({ command: stubborn(name) }), `wait-for ${name}`, line),
    });
    const pid = await pidIn(name);
    await until(() => !isAlive(pid), { what: "the command to end" });
  });

  test("does not outlive a turn that the user cancels", async () => {
    const task = script(create({ command: stubborn("cancelled.pid") }), "terminal wait_for_exit");
    const turn = parent.startTurn(`delegate ${JSON.stringify({ agent: "child", task })}`);
    const pid = await pidIn("cancelled.pid");
    parent.editor.notify("session/cancel", { sessionId: parent.session });
    await turn.answer();
    await until(() => !isAlive(pid), { what: "the command to end" });
  });

  test("of another session is unknown", async () => {
    const [created] = await answersTo(create({ command: "sleep 100" }));
    const [answer] = await answersTo(`request terminal/output ${JSON.stringify(created)}`);
    expect(answer?.error).toMatchObject({ code: -32002, data: { code: "CRU_TERMINAL_UNKNOWN" } });
  });

  test("is one of so many", async () => {
    const some = Array.from({ length: maxTerminalsPerSession }, () => create({ command: "true" }));
    const answers = await answersTo(
      ...some,
      create({ command: "true" }),
      "terminal release",
      create({ command: "true" }),
    );
    const codes = answers.map(({ error }) => error?.data.code);
    expect(codes.filter(Boolean)).toEqual(["CRU_TERMINAL_LIMIT"]);
    expect(codes.at(-3)).toBe("CRU_TERMINAL_LIMIT");
  });

  test.each([
    ["no command", "create", {}],
    ["a variable without a value", "create", { command: "true", env: [{ name: "A" }] }],
    ["no terminal", "output", { terminalId: 7 }],
  ])("is not asked for with %s", async (_, method, params) => {
    const [answer] = await answersTo(`request terminal/${method} ${JSON.stringify(params)}`);
    expect(answer?.error).toMatchObject({ code: -32602, data: { code: "CRU_REQUEST_INVALID" } });
  });
});

test("are offered to agents of the user's own that may execute; the built-in ones have their own ways", async () => {
  const offered = async (log: string): Promise<unknown> => {
    const lines = (await readFile(inKiln(daemon, log), "utf8")).split("\n");
    const line = lines.find((one) => one.includes('"initialize"'));
    return /"terminal":(true|false)/.exec(line!)?.[1];
  };
  await rm(inKiln(daemon, "own.log"));
  await parent.delegate({ agent: "child", task: "say x" });
  await parent.delegate({ agent: "built-in", task: "say x" });
  expect([await offered("own.log"), await offered("built-in.log")]).toEqual(["true", "false"]);
  await rm(inKiln(daemon, "own.log"));
  await parent.delegate({ agent: "child", task: "say x", tools: ["read"] });
  expect(await offered("own.log")).toBe("false");
});

test("what a child shows of its terminals reaches the editor as text", async () => {
  await using shown = await openParent(daemon, "parent", { capabilities: { subagents: {} } });
  const task = script(create({ command: "echo printed" }), "terminal wait_for_exit", "terminal show Prints");
  await shown.delegate({ agent: "child", task });
  const update = await shown.editor.waitFor(({ params }) => JSON.stringify(params ?? {}).includes('"title":"Prints"'));
  const text = { type: "content", content: { type: "text", text: "$ echo printed\nprinted\n" } };
  expect(update.params?.["update"]).toMatchObject({ sessionUpdate: "tool_call", content: [text] });
});
