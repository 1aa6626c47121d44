/**
 * A child whose task has ended and whose process stays for a while: its caller goes on with it where it was, and nothing of it
 * outlives its time, its parent, or the need for its place.
 */
import { existsSync, readFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import type { SessionNode } from "../../src/control/methods.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { openMirrorStage, type MirrorStage } from "../support/mirror-stage.ts";
import { isAlive } from "../support/processes.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  allSessions,
  connectTools,
  endOf,
  inKiln,
  openParent,
  script,
  type Parent,
  type ToolServer,
} from "./delegating.ts";
import { callTool, delegateWith } from "./tool-calls.ts";

const forgetful = ["--capabilities", JSON.stringify({ loadSession: false, sessionCapabilities: { resume: null } })];

let stage: MirrorStage;
let daemon: TestDaemon;
let parent: Parent;
let tools: Client;

shareAmongTests({
  open: async () => {
    stage = await openMirrorStage();
    const config = [
      "[server]\nmax_agents = 6\n",
      // Processes are told apart by their pids here, and inside a sandbox all agents have the same.
      '[sandbox]\nmode = "off"\n',
      scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2\nmax_concurrent_delegations = 1" }),
      scriptedProfile("forgetful", { flags: [...forgetful, "--log", "forgetful.log"], settings: "idle_seconds = 60" }),
      scriptedProfile("brief", { flags: forgetful, settings: "idle_seconds = 0.3" }),
      scriptedProfile("kept", {
        flags: ["--memory", "kept.memory", "--config-options", "--log", "kept.log"],
        settings: "idle_seconds = 60",
      }),
      scriptedProfile("usual"),
      stage.profile("staged", { settings: "idle_seconds = 60", delegation: "enabled = true" }),
    ].join("\n");
    daemon = await startDaemon({ config });
  },
  check: async () => {
    await tools.close();
    await parent[Symbol.asyncDispose]();
    await until(async () => (await allSessions(daemon)).length === 0, { what: "all to end with the parent" });
    await stage.clear();
  },
  close: async () => {
    try {
      await endOf(daemon);
    } finally {
      await stage[Symbol.asyncDispose]();
    }
  },
});

async function begin(): Promise<void> {
  parent = await openParent(daemon, "parent");
  tools = await parent.tools();
}

async function childrenNow(): Promise<SessionNode[]> {
  return (await allSessions(daemon)).filter(({ depth }) => depth > 0);
}

const ask = (agent: string, ...lines: string[]): Promise<DelegationResult> =>
  delegateWith(tools, { agent, task: script(...lines) });

const goOn = (
  earlier: DelegationResult,
  input: Record<string, unknown>,
  ...lines: string[]
): Promise<DelegationResult> =>
  delegateWith(tools, { session_id: earlier.session_id, task: script(...lines), ...input });

/** Methods the agents of a profile were asked so far. */
function methods(agent: string): string[] {
  const lines = readFileSync(inKiln(daemon, `${agent}.log`), "utf8").trim();
  return lines.split("\n").map((line) => (JSON.parse(line) as { method: string }).method);
}

const isGone = (pid: number): Promise<unknown> => until(() => !isAlive(pid), { what: `the end of ${pid}` });

describe("an agent that can neither resume nor load a session", () => {
  test("goes on in the process that did the work, idle and without a task in between", async () => {
    await begin();
    const earlier = await ask("forgetful", "pid", "session");
    const [resting] = await until(async () => {
      const nodes = await childrenNow();
      return nodes[0]?.state === "idle" && nodes;
    });
    expect(resting).toMatchObject({ agent: "forgetful", state: "idle", delegation: null });
    const before = methods("forgetful").length;
    for (const round of ["a", "b"]) {
      const later = await goOn(earlier, { description: round }, "pid", "session", `say ${round}`);
      expect(later).toMatchObject({ status: "completed", session_id: earlier.session_id });
      expect(later.result).toBe(`${earlier.result}\n${round}`);
    }
    expect(methods("forgetful").slice(before)).toEqual(["session/prompt", "session/prompt"]);
  });

  test("takes no place of its caller's queue while it rests", async () => {
    await begin();
    for (const word of ["one", "two", "three"])
      expect(await ask("forgetful", `say ${word}`)).toMatchObject({ result: word });
  });

  test("also after a turn that failed by itself", async () => {
    await begin();
    const earlier = await ask("forgetful", "pid", "stop max_tokens");
    expect(earlier.status).toBe("failed");
    expect(await goOn(earlier, {}, "pid")).toMatchObject({ status: "completed", result: earlier.result });
  });

  test.each([
    ["tools", { tools: ["read"] }],
    ["another model", { model: "large" }],
    ["another mode", { mode: "plan" }],
    ["a worktree", { isolation: "worktree" }],
  ])("does not take %s in the middle, and says so; it can be continued as it was", async (_, input) => {
    await begin();
    const earlier = await ask("forgetful", "pid");
    const result = await goOn(earlier, input, "touch never");
    expect(result.status).toMatch(/refused|failed/);
    expect(existsSync(inKiln(daemon, "never"))).toBe(false);
    if (!("isolation" in input)) {
      expect(result.error).toMatchObject({ code: "CRU_DELEGATION_CONTINUE" });
      expect(result.error?.message).toMatch(/same directory.*same tools, model and mode/);
    }
    expect(await goOn(earlier, {}, "pid")).toMatchObject({ status: "completed", result: earlier.result });
  });

  test("whose time is over has ended, and going on is refused honestly", async () => {
    await begin();
    const earlier = await ask("brief", "pid");
    await isGone(Number(earlier.result));
    await until(async () => (await childrenNow()).length === 0);
    expect(await goOn(earlier, {}, "say x")).toMatchObject({
      status: "refused",
      error: { code: "CRU_DELEGATION_CONTINUE" },
    });
  });

  test("whose process was killed at rest is gone, and going on is refused honestly", async () => {
    await begin();
    const earlier = await ask("forgetful", "pid");
    process.kill(Number(earlier.result), "SIGKILL");
    await until(async () => (await childrenNow()).length === 0);
    expect(await goOn(earlier, {}, "say x")).toMatchObject({
      status: "refused",
      error: { code: "CRU_DELEGATION_CONTINUE" },
    });
  });

  test("does not stay when it was ended early", async () => {
    await begin();
    const result = await delegateWith(tools, { agent: "forgetful", task: "hang", timeout_seconds: 0.3 });
    expect(result.status).toBe("timed_out");
    await until(async () => (await childrenNow()).length === 0);
  });
});

test("nobody stays whose profile does not say so, and who can open its sessions again takes other terms in a new process", async () => {
  await begin();
  const usual = await ask("usual", "pid");
  await isGone(Number(usual.result));
  const kept = await ask("kept", "pid");
  const before = methods("kept").length;
  expect(await goOn(kept, {}, "pid")).toMatchObject({ result: kept.result });
  expect(methods("kept").slice(before)).toEqual(["session/prompt"]);
  // Another model needs another process, and this one can be had.
  const other = await goOn(kept, { model: "large" }, "pid");
  expect(other.status).toBe("completed");
  expect(other.result).not.toBe(kept.result);
  expect(methods("kept").slice(before + 1)).toEqual([
    "initialize",
    "session/resume",
    "session/set_config_option",
    "session/prompt",
  ]);
  await isGone(Number(kept.result));
});

describe("what rests makes room", () => {
  test("when more than three of a tree rest: the longest at rest goes first", async () => {
    await begin();
    const all: DelegationResult[] = [];
    for (let index = 0; index < 5; index++) all.push(await ask("forgetful", "pid"));
    await Promise.all(all.slice(0, 2).map(({ result }) => isGone(Number(result))));
    await until(async () => (await childrenNow()).length === 3);
    for (const earlier of all.slice(2))
      expect(await goOn(earlier, {}, "pid")).toMatchObject({ result: earlier.result });
  });

  test("when max_agents is reached: an agent that is needed starts in its place", async () => {
    await begin();
    const rested = [await ask("forgetful", "pid"), await ask("forgetful", "pid"), await ask("forgetful", "pid")];
    // With the parent these are four of six.
    await using second = await openParent(daemon, "parent");
    await using third = await openParent(daemon, "parent");
    await using fourth = await openParent(daemon, "parent");
    expect((await fourth.prompt("say here")).text).toBe("here");
    await isGone(Number(rested[0]?.result));
    for (const one of [second, third]) expect((await one.prompt("say here")).text).toBe("here");
    expect(await goOn(rested[2]!, {}, "pid")).toMatchObject({ result: rested[2]?.result });
  });
});

test("at rest it is heard by nobody, may ask for nothing and delegate nothing, and what it had delegated has ended", async () => {
  await begin();
  let servers: ToolServer[] = [];
  stage
    .onRequest("initialize", () => ({ protocolVersion: 1, agentCapabilities: { mcpCapabilities: { http: true } } }))
    .onRequest("session/new", ({ mcpServers }) => {
      servers = mcpServers as ToolServer[];
      return { sessionId: stage.newSessionId() };
    });
  let sessionId: unknown;
  let own: Client | undefined;
  stage.onRequest("session/prompt", async (params) => {
    sessionId = params["sessionId"];
    own ??= await connectTools(servers[0]!);
    await callTool(own, "delegate_session", { agent: "usual", task: "hang", background: true });
    return { stopReason: "end_turn" };
  });
  const asked: unknown[] = [];
  parent.editor.onRequest("session/request_permission", (params) => {
    asked.push(params);
    return { outcome: { outcome: "selected", optionId: "allow" } };
  });
  const earlier = await ask("staged", "x");
  expect(earlier.status).toBe("completed");
  await until(
    async () => (await childrenNow()).map(({ agent, state }) => `${agent} ${state}`).join() === "staged idle",
  );

  const { acp } = await stage.actor();
  const path = inKiln(daemon, "late.txt");
  const options = [{ optionId: "allow", name: "Allow", kind: "allow_once" }];
  acp.notify("session/update", {
    sessionId,
    update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "too late" } },
  });
  await expect(acp.request("fs/write_text_file", { sessionId, path, content: "x" })).rejects.toThrow(/has ended/);
  const question = acp.request("session/request_permission", { sessionId, options, toolCall: { toolCallId: "t" } });
  await expect(question).rejects.toThrow(/has ended/);
  const { data } = await callTool(own!, "delegate_session", { agent: "usual", task: "touch late.ran" });
  expect(data).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_CANCELLED" } });
  expect(asked).toEqual([]);
  expect([existsSync(path), existsSync(inKiln(daemon, "late.ran"))]).toEqual([false, false]);

  stage.onRequest("session/prompt", () => ({ stopReason: "end_turn" }));
  const later = await goOn(earlier, {}, "y");
  expect(later).toMatchObject({ status: "completed" });
  expect(later.result).not.toContain("too late");
  await own?.close();
});
