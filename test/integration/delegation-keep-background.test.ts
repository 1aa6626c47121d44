/** `keep_background`: what was delegated in the background goes on without its editor, and nothing else does. */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import type { SessionNode } from "../../src/control/methods.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { allSessions, assertIdle, endOf, inKiln, openParent, Parent, script } from "./delegating.ts";
import { callTool, delegateWith } from "./tool-calls.ts";

const memory = (name: string): string[] => ["--memory", `${name}.memory`];

let daemon: TestDaemon;

shareAmongTests({
  open: async () => {
    const rules = "enabled = true\nkeep_background = true\nmax_concurrent_delegations = 2";
    const config = [
      scriptedProfile("keeper", { flags: memory("keeper"), delegation: rules }),
      scriptedProfile("hasty", { flags: memory("hasty"), delegation: `${rules}\nwait_seconds = 0.2` }),
      scriptedProfile("usual", { flags: memory("usual"), delegation: "enabled = true" }),
      scriptedProfile("worker"),
      `${scriptedProfile("hurried")}[acp.agents.hurried.permissions]\nask_timeout_seconds = 2\n`,
    ].join("\n");
    daemon = await startDaemon({ config });
  },
  check: () => assertIdle(daemon),
  close: () => endOf(daemon),
});

const make = (name: string): void => writeFileSync(inKiln(daemon, name), "");
const isMade = (name: string): Promise<unknown> =>
  until(() => existsSync(inKiln(daemon, name)), { what: `${name} to be made` });

/** Has the parent's agent delegate, and closes its editor when the work has begun. */
async function leaveAtWork(agent: string, mark: string, ...lines: string[]): Promise<{ session: string; id: string }> {
  const parent = await openParent(daemon, agent);
  await parent.prompt("say begin");
  const tools = await parent.tools();
  const task = script(`touch ${mark}.began`, `wait-for ${mark}.go`, ...lines);
  const { delegation_id: id } = await delegateWith(tools, { agent: "worker", task, background: true });
  await isMade(`${mark}.began`);
  await tools.close();
  await parent[Symbol.asyncDispose]();
  return { session: parent.session, id };
}

/** Another editor that opens the conversation again. */
async function reopen(agent: string, session: string): Promise<Parent> {
  const editor = daemon.editor(agent, { args: ["--no-autostart"] });
  await editor.initialize();
  try {
    await editor.request("session/load", { sessionId: session, cwd: daemon.kiln, mcpServers: [] });
    return new Parent(editor, session);
  } catch (error) {
    await editor.end();
    throw error;
  }
}

const rootOf = async (session: string): Promise<SessionNode | undefined> =>
  (await allSessions(daemon)).find(({ sessionId }) => sessionId === session);

const isGone = (session: string): Promise<unknown> =>
  until(async () => (await rootOf(session)) === undefined, { what: "the root to end" });

async function resultOf(parent: Parent, id: string): Promise<DelegationResult | undefined> {
  const tools = await parent.tools();
  for (;;) {
    const { data } = await callTool<{ delegations: DelegationResult[] }>(tools, "wait_delegation", { ids: [id] });
    const [result] = data.delegations;
    // It also comes back when a question is put to a human.
    if (result?.status === "running") continue;
    await tools.close();
    return result;
  }
}

test("it goes on under a root without agent, which ends with it, and a session that loads the conversation has the result", async () => {
  const { session, id } = await leaveAtWork("keeper", "k1", "say kept");
  await until(async () => (await rootOf(session))?.pid === null, { what: "the root's agent to go" });
  const root = await rootOf(session);
  expect(root).toMatchObject({ agent: "keeper", pid: null, children: [{ agent: "worker", state: "working" }] });
  expect(existsSync(inKiln(daemon, "k1.go"))).toBe(false);
  make("k1.go");
  await isGone(session);
  await assertIdle(daemon);

  await using later = await reopen("keeper", session);
  expect(await resultOf(later, id)).toMatchObject({ status: "completed", result: "kept" });
  const tools = await later.tools();
  const page = await callTool<{ text: string }>(tools, "read_delegation", { id });
  expect(page.data.text).toBe("kept");
  await tools.close();
});

test("what waits for a place goes on as well, and what a call waits for does not", async () => {
  const parent = await openParent(daemon, "keeper");
  const tools = await parent.tools();
  const work = { agent: "worker", background: true };
  for (const name of ["a", "b"]) {
    await delegateWith(tools, {
      ...work,
      task: script(`touch k2${name}.began`, "wait-for k2.go", `touch k2${name}.done`),
    });
  }
  await delegateWith(tools, { ...work, task: "touch k2c.done" });
  const awaited = await openParent(daemon, "keeper");
  const awaitedTools = await awaited.tools();
  const own = await delegateWith(awaitedTools, { ...work, task: script("touch k2d.began", "wait-for k2.go") });
  void delegateWith(awaitedTools, { agent: "worker", task: script("touch k2e.began", "hang") }).catch(() => {});
  for (const name of ["k2a", "k2b", "k2d", "k2e"]) await isMade(`${name}.began`);
  await Promise.all([tools.close(), awaitedTools.close()]);
  await Promise.all([parent[Symbol.asyncDispose](), awaited[Symbol.asyncDispose]()]);

  await until(async () => (await rootOf(awaited.session))?.children.length === 1, { what: "the awaited one to end" });
  expect((await rootOf(awaited.session))?.children[0]?.delegation?.id).toBe(own.delegation_id);
  make("k2.go");
  for (const name of ["k2a", "k2b", "k2c"]) await isMade(`${name}.done`);
});

test("a call that came back with a handle counts as background", async () => {
  const parent = await openParent(daemon, "hasty");
  const tools = await parent.tools();
  const running = await delegateWith(tools, { agent: "worker", task: script("wait-for k3.go", "touch k3.done") });
  expect(running.status).toBe("running");
  await tools.close();
  await parent[Symbol.asyncDispose]();
  make("k3.go");
  await isMade("k3.done");
});

test("without it, all ends within five seconds", async () => {
  const { session, id } = await leaveAtWork("usual", "k4", "say never");
  await until(async () => (await rootOf(session)) === undefined, { what: "the root to end", timeoutMs: 5000 });
  await assertIdle(daemon);
  await using later = await reopen("usual", session);
  expect(await resultOf(later, id)).toMatchObject({ status: "cancelled", error: { code: "CRU_DELEGATION_CANCELLED" } });
});

describe("an editor that comes back while it goes on", () => {
  test("and goes again leaves all of it at work, also what was begun meanwhile", async () => {
    const { session } = await leaveAtWork("keeper", "k20", "say first");
    const later = await reopen("keeper", session);
    const tools = await later.tools();
    const task = script("touch k21.began", "wait-for k21.go", "touch k21.done");
    await delegateWith(tools, { agent: "worker", task, background: true });
    await isMade("k21.began");
    await tools.close();
    await later[Symbol.asyncDispose]();
    make("k20.go");
    await until(async () => (await rootOf(session))?.children.length === 1, { what: "the first to end" });
    make("k21.go");
    await isMade("k21.done");
    await isGone(session);
  });

  test("and deletes the conversation ends what goes on", async () => {
    const { session } = await leaveAtWork("keeper", "k22", "say never");
    const editor = daemon.editor("keeper", { args: ["--no-autostart"] });
    await editor.initialize();
    await editor.request("session/delete", { sessionId: session });
    await isGone(session);
    await editor.end();
  });

  test("is shown it, is asked its questions, and gets its result", async () => {
    const { session, id } = await leaveAtWork("keeper", "k5", "ask", "say answered");
    await until(async () => (await rootOf(session))?.pid === null);
    await using later = await reopen("keeper", session);
    later.editor.onRequest("session/request_permission", () => ({
      outcome: { outcome: "selected", optionId: "allow" },
    }));
    expect(await rootOf(session)).toMatchObject({ children: [{ agent: "worker" }] });
    expect((await allSessions(daemon)).filter(({ depth }) => depth === 0)).toHaveLength(1);
    const cards = later.editor.received.filter(({ params }) => {
      const update = params?.["update"] as { sessionUpdate?: string; toolCallId?: string } | undefined;
      return update?.sessionUpdate === "tool_call" && update.toolCallId === `crucible:${id}`;
    });
    expect(cards).toHaveLength(1);
    make("k5.go");
    expect(await resultOf(later, id)).toMatchObject({
      status: "completed",
      result: expect.stringMatching(/allow.*\n.*answered/) as string,
    });
    // The session is the editor's, and does not end with the work.
    expect((await later.prompt("say still here")).text).toBe("still here");
  });

  test("and leaves again: it goes on again", async () => {
    const { session, id } = await leaveAtWork("keeper", "k6", "say twice left");
    const second = await reopen("keeper", session);
    await second[Symbol.asyncDispose]();
    expect(await rootOf(session)).toMatchObject({ children: [{ agent: "worker", state: "working" }] });
    make("k6.go");
    await isGone(session);
    await using later = await reopen("keeper", session);
    expect(await resultOf(later, id)).toMatchObject({ status: "completed", result: "twice left" });
  });

  test("and whose agent has forgotten the conversation takes it over all the same", async () => {
    const { session, id } = await leaveAtWork("keeper", "k7", "say kept");
    const file = inKiln(daemon, "keeper.memory");
    renameSync(file, `${file}.away`);
    await using later = await reopen("keeper", session);
    expect(await rootOf(session)).toMatchObject({ children: [{ agent: "worker", state: "working" }] });
    const heard = await later.prompt("heard");
    // The agent that was started for this editor is told what was said to the one before.
    expect(heard.text).toContain("> begin");
    make("k7.go");
    expect(await resultOf(later, id)).toMatchObject({ status: "completed", result: "kept" });
    renameSync(`${file}.away`, file);
  });

  test("has its agent started again when that dies, as any other", async () => {
    const { session } = await leaveAtWork("keeper", "k10", "say kept");
    await using later = await reopen("keeper", session);
    const before = Number((await later.prompt("pid")).text);
    process.kill(before, "SIGKILL");
    await until(() => later.editor.text(session).includes("your next message starts it again"), {
      what: "the user to be told",
    });
    const after = Number((await later.prompt("pid")).text);
    expect(after).toBeGreaterThan(0);
    expect(after).not.toBe(before);
    make("k10.go");
  });

  test("through another profile's connection: it is the same conversation under its own profile, and goes on again after", async () => {
    const { session, id } = await leaveAtWork("keeper", "k8", "say kept");
    const other = await reopen("usual", session);
    expect(await rootOf(session)).toMatchObject({ agent: "keeper", children: [{ agent: "worker" }] });
    expect((await allSessions(daemon)).filter(({ depth }) => depth === 0)).toHaveLength(1);
    await other[Symbol.asyncDispose]();
    expect(await rootOf(session)).toMatchObject({ agent: "keeper", children: [{ agent: "worker", state: "working" }] });
    make("k8.go");
    await isGone(session);
    await using later = await reopen("keeper", session);
    expect(await resultOf(later, id)).toMatchObject({ status: "completed", result: "kept" });
  });
});

test("a question while nobody is there is refused, and the work goes on", async () => {
  const { session, id } = await leaveAtWork("keeper", "k9", "ask", "say went on");
  await until(async () => (await rootOf(session))?.pid === null);
  make("k9.go");
  await isGone(session);
  await using later = await reopen("keeper", session);
  const result = await resultOf(later, id);
  expect(result?.result).toBe('{"outcome":"selected","optionId":"reject"}\nwent on');
});

describe("a question that was open when the editor left", () => {
  /** Leaves while the worker asks, and gives what goes on. */
  async function leaveAtQuestion(worker: string): Promise<{ session: string; id: string }> {
    const parent = await openParent(daemon, "keeper");
    await parent.prompt("say begin");
    const tools = await parent.tools();
    let asked = false;
    parent.editor.onRequest("session/request_permission", () => {
      asked = true;
      return new Promise(() => {});
    });
    const task = script("ask", "say went on");
    const { delegation_id: id } = await delegateWith(tools, { agent: worker, task, background: true });
    await until(() => asked, { what: "the question" });
    await tools.close();
    parent.editor.kill("SIGKILL");
    await until(async () => (await rootOf(parent.session))?.pid === null, { what: "the root's agent to go" });
    return { session: parent.session, id };
  }

  test("is put again to the one that comes back", async () => {
    const { session, id } = await leaveAtQuestion("worker");
    const editor = daemon.editor("keeper", { args: ["--no-autostart"] });
    await editor.initialize();
    editor.onRequest("session/request_permission", () => ({ outcome: { outcome: "selected", optionId: "allow" } }));
    await editor.request("session/load", { sessionId: session, cwd: daemon.kiln, mcpServers: [] });
    await using later = new Parent(editor, session);
    const result = await resultOf(later, id);
    expect(result?.result).toBe('{"outcome":"selected","optionId":"allow"}\nwent on');
  });

  test("is refused at its deadline when none does", async () => {
    const { session, id } = await leaveAtQuestion("hurried");
    await isGone(session);
    await using later = await reopen("keeper", session);
    const result = await resultOf(later, id);
    expect(result?.result).toBe('{"outcome":"selected","optionId":"reject"}\nwent on');
  });
});
