/** What is kept beyond the life of a process, and what happens where it cannot be. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createBus, type Bus } from "../../../src/observe/bus.ts";
import type { Store } from "../../../src/sessions/records.ts";
import { openStore } from "../../../src/sessions/store.ts";
import { delegation, session } from "./stored.ts";

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

describe("where it cannot be kept", () => {
  test("a damaged file is set aside whole, a new one is begun, and the warning names both", () => {
    const file = join(folder, "crucible.db");
    writeFileSync(file, "this is no database at all, but long enough to look like one".repeat(100));
    const one = openedStore();
    one.saveSession(session("s"));
    expect(reopened().findSession("s")).toBeDefined();
    const aside = readdirSync(folder).find((name) => name.includes("damaged"));
    expect(aside).toBeDefined();
    expect(warnings.join()).toContain(aside);
  });

  test("a file of a later release is not touched by this one", () => {
    openedStore();
    open.pop()!.close();
    const file = join(folder, "crucible.db");
    const database = new Database(file);
    database.exec("PRAGMA user_version = 9999");
    database.close();
    const one = openedStore();
    one.saveSession(session("s"));
    expect(one.findSession("s")).toBeDefined();
    expect(warnings.join()).toContain("later release");
  });

  test("in a folder that cannot be written it lives in memory, and says so", async () => {
    // The superuser writes anywhere; a file in the folder's place stops that one too.
    const place = join(folder, "file-in-place");
    writeFileSync(place, "");
    await chmod(place, 0o400);
    const one = openStore(place, bus);
    open.push(one);
    one.saveSession(session("s"));
    expect(one.findSession("s")).toBeDefined();
    expect(warnings.join()).toMatch(/memory/);
    expect(existsSync(join(place, "crucible.db"))).toBe(false);
  });
});
