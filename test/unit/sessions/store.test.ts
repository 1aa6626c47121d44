/** What is kept beyond the life of a process, and what happens where it cannot be. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBus, type Bus } from "../../../src/observe/bus.ts";
import type { SessionQuery, Store } from "../../../src/sessions/records.ts";
import { openStore } from "../../../src/sessions/store.ts";
import { delegation, permission, session } from "./stored.ts";

let folder: string;
let bus: Bus;
let warnings: string[];
const open: Store[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cru-store-"));
  bus = createBus();
  warnings = [];
  bus.on("warning", ({ message }) => warnings.push(message));
});
afterEach(async () => {
  for (const store of open.splice(0)) store.close();
  await rm(folder, { recursive: true });
});

function openedStore(): Store {
  const store = openStore(folder, bus);
  open.push(store);
  return store;
}

function reopened(): Store {
  open.pop()?.close();
  return openedStore();
}

test("sessions and delegations come back as they were, also after a restart", () => {
  const first = openedStore();
  first.saveSession(session("s", { parentId: "root" }));
  first.saveDelegation(delegation("d", { error: { code: "CRU_X", message: "m", hint: "h" } }));
  expect(first.findSession("s")).toEqual(session("s", { parentId: "root" }));
  const again = reopened();
  expect(again.findSession("s")).toEqual(session("s", { parentId: "root" }));
  expect(again.findDelegation("d")).toMatchObject(
    delegation("d", { error: { code: "CRU_X", message: "m", hint: "h" } }),
  );
  expect(warnings).toEqual([]);
});

test("handoffs come back in their order, and go with their session", () => {
  const store = openedStore();
  const handoff = { sessionId: "s", number: 1, from: "a", agent: "b", beganAt: 5, endedAt: null };
  store.saveHandoff({ ...handoff, number: 2, from: "b", agent: "c" });
  store.saveHandoff(handoff);
  store.saveHandoff({ ...handoff, endedAt: 9 });
  store.saveHandoff({ ...handoff, sessionId: "other" });
  const again = reopened();
  expect(again.handoffsOf("s")).toEqual([
    { ...handoff, endedAt: 9 },
    { ...handoff, number: 2, from: "b", agent: "c" },
  ]);
  again.deleteSession("s");
  expect(again.handoffsOf("s")).toEqual([]);
  expect(again.handoffsOf("other")).toHaveLength(1);
});

test("a text is kept whole, whatever characters an agent printed", () => {
  const one = openedStore();
  for (const result of [
    "before\u0000after",
    "\u0000",
    "'; DROP TABLE delegations; --",
    "\u001b[31m\u202e",
    "語🦀\r\n\t",
  ]) {
    one.saveDelegation(delegation("d", { result, task: result, title: result }));
    expect(one.findDelegation("d")).toMatchObject({ result, task: result, title: result });
  }
});

test("saving again replaces; deleting deletes; what was never there is undefined", () => {
  const one = openedStore();
  one.saveSession(session("s"));
  one.saveSession(session("s", { title: "new" }));
  expect(one.findSession("s")?.title).toBe("new");
  one.deleteSession("s");
  expect(one.findSession("s")).toBeUndefined();
  expect(one.findDelegation("d")).toBeUndefined();
});

test("an agent's conversation is found by its profile and the agent's id, the first that stood for it", () => {
  const one = openedStore();
  one.saveSession(session("late", { agentSessionId: "x", createdAt: 9 }));
  one.saveSession(session("early", { agentSessionId: "x", createdAt: 1 }));
  one.saveSession(session("other", { agentSessionId: "x", profile: "q", createdAt: 0 }));
  expect(one.findAgentSession("p", "x")?.id).toBe("early");
  expect(one.findAgentSession("p", "y")).toBeUndefined();
});

test("delegations of a session come oldest first, and of no other", () => {
  const one = openedStore();
  for (const [id, createdAt] of [
    ["b", 2],
    ["a", 1],
    ["c", 3],
  ] as const)
    one.saveDelegation(delegation(id, { createdAt }));
  one.saveDelegation(delegation("other", { callerSessionId: "t" }));
  expect(one.delegationsOf("s").map(({ id }) => id)).toEqual(["a", "b", "c"]);
  expect(one.delegationNames("s")).toEqual(["a", "b", "c"].map((id) => ({ id, title: "t" })));
});

test("after a crash the outcome of what was under way is unknown, and that of what had ended is not touched", () => {
  const one = openedStore();
  one.saveDelegation(delegation("running", { status: "running", endedAt: null }));
  one.saveDelegation(delegation("queued", { status: "queued", endedAt: null }));
  one.saveDelegation(delegation("failed", { status: "failed" }));
  const again = reopened();
  expect(again.markLost()).toBe(2);
  expect(["running", "queued", "failed"].map((id) => again.findDelegation(id)?.status)).toEqual([
    "lost",
    "lost",
    "failed",
  ]);
  expect(again.markLost()).toBe(0);
});

test("sessions come in pages, those touched last first, narrowed by what was asked for", () => {
  const one = openedStore();
  for (let index = 0; index < 10; index++) {
    const fields = {
      updatedAt: Math.floor(index / 2),
      parentId: index % 5 === 0 ? null : "s0",
      cwd: index < 5 ? "/a" : "/b",
    };
    one.saveSession(session(`s${index}`, fields));
  }
  const ids = (query: Partial<SessionQuery>): string[] => one.listSessions({ limit: 4, ...query }).map(({ id }) => id);
  expect(ids({})).toEqual(["s9", "s8", "s7", "s6"]);
  expect(ids({ after: { id: "s6", updatedAt: 3 } })).toEqual(["s5", "s4", "s3", "s2"]);
  expect(ids({ after: { id: "s2", updatedAt: 1 } })).toEqual(["s1", "s0"]);
  expect(ids({ isRoot: true })).toEqual(["s5", "s0"]);
  expect(ids({ isRoot: false, cwd: "/a" })).toEqual(["s4", "s3", "s2", "s1"]);
  expect(ids({ profile: "nobody's" })).toEqual([]);
});

test("a session takes with it all that descends from it, and nothing else", () => {
  const one = openedStore();
  one.saveSession(session("root"));
  one.saveSession(session("child", { parentId: "root" }));
  one.saveSession(session("grandchild", { parentId: "child" }));
  one.saveSession(session("other"));
  for (const id of ["root", "child", "grandchild", "other"]) {
    one.saveDelegation(delegation(`of-${id}`, { callerSessionId: id }));
    one.saveHandoff({ sessionId: id, number: 1, from: "a", agent: "b", beganAt: 5, endedAt: null });
    one.savePermission(permission(`by-${id}`, { sessionId: id }));
    one.appendMessage({ sessionId: id, at: 1, from: "client", method: "session/prompt", params: {} });
  }
  const { sessionIds, delegationIds } = one.deleteSession("child");
  expect(sessionIds.toSorted()).toEqual(["child", "grandchild"]);
  expect(delegationIds.toSorted()).toEqual(["of-child", "of-grandchild"]);
  const again = reopened();
  for (const [id, isThere] of [
    ["root", true],
    ["child", false],
    ["grandchild", false],
    ["other", true],
  ] as const) {
    expect(again.findSession(id) !== undefined).toBe(isThere);
    expect(again.delegationsOf(id)).toHaveLength(isThere ? 1 : 0);
    expect(again.handoffsOf(id)).toHaveLength(isThere ? 1 : 0);
    expect(again.permissionsOf(id)).toHaveLength(isThere ? 1 : 0);
    expect(again.messagesOf(id)).toHaveLength(isThere ? 1 : 0);
  }
});

test("permission decisions come back as they were, in their order", () => {
  const one = openedStore();
  one.savePermission(permission("b", { at: 2, subject: "rm \u0000 -rf" }));
  one.savePermission(permission("a", { at: 1, decision: "asked" }));
  one.savePermission(permission("a", { at: 1, decision: "expired" }));
  expect(reopened().permissionsOf("s")).toEqual([
    permission("a", { at: 1, decision: "expired" }),
    permission("b", { at: 2, subject: "rm \u0000 -rf" }),
  ]);
});

test("ids are found by how they begin, those of sessions and of delegations", () => {
  const one = openedStore();
  one.saveSession(session("ses_aab"));
  one.saveSession(session("ses_aac"));
  one.saveDelegation(delegation("del_aab", { childSessionId: "ses_aac" }));
  expect(one.idsBeginning("ses_aa", 9)).toEqual(["ses_aab", "ses_aac"]);
  expect(one.idsBeginning("ses_aac", 9)).toEqual(["ses_aac"]);
  expect(one.idsBeginning("del", 9)).toEqual(["del_aab"]);
  expect(one.idsBeginning("", 2)).toEqual(["del_aab", "ses_aab"]);
  expect(one.idsBeginning("x", 9)).toEqual([]);
});

test("a session's title, usage and end change without the rest of it", () => {
  const one = openedStore();
  one.saveSession(session("s", { endedAt: null, endReason: "" }));
  one.updateSession("s", { title: "new", endedAt: 9, endReason: "closed" });
  one.updateSession("nobody", { title: "new" });
  expect(reopened().findSession("s")).toEqual(session("s", { title: "new", endedAt: 9, endReason: "closed" }));
});

test("after a crash a session that was open is over", () => {
  openedStore().saveSession(session("s", { endedAt: null, endReason: "" }));
  const again = reopened();
  again.markLost();
  expect(again.findSession("s")?.endedAt).toBeGreaterThan(3);
  expect(again.findSession("s")?.endReason).toMatch(/daemon/);
});
