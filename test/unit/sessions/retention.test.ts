/** What is stored does not grow without end, and nothing goes that is open. */
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBus } from "../../../src/observe/bus.ts";
import type { Store } from "../../../src/sessions/records.ts";
import { enforceRetention } from "../../../src/sessions/retention.ts";
import { openStore } from "../../../src/sessions/store.ts";
import { delegation, session } from "./stored.ts";

const dayMs = 24 * 60 * 60 * 1000;
const mib = 1024 * 1024;

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cru-store-"));
  store = openStore(folder, createBus());
});
afterEach(async () => {
  store.close();
  await rm(folder, { recursive: true });
});

/** A root session last touched so many days ago, ended unless told otherwise, with a child that has a result of so many bytes. */
function tree(id: string, { days, bytes = 10, ...fields }: { days: number; bytes?: number; endedAt?: null }): void {
  const updatedAt = Date.now() - days * dayMs;
  store.saveSession(session(id, { updatedAt, endedAt: updatedAt }));
  store.saveSession(session(`${id}-child`, { parentId: id, updatedAt, endedAt: updatedAt, ...fields }));
  store.saveDelegation(delegation(`${id}-del`, { callerSessionId: id, result: "x".repeat(bytes) }));
  store.appendMessage({ sessionId: `${id}-child`, at: 1, from: "client", method: "session/prompt", params: { bytes } });
}

function enforce(limits: { maxAgeDays: number; maxBytes: number }, live: readonly string[] = []): Promise<number> {
  return enforceRetention({
    store,
    limits: () => limits,
    isLive: (id) => live.includes(id),
    remove: async (id) => store.deleteSession(id),
    onFailure: (error) => {
      throw error;
    },
  });
}

const roots = (): string[] => store.listSessions({ isRoot: true, limit: 1000 }).map(({ id }) => id);

test("what nobody has touched for too long goes, with all that descends from it", async () => {
  tree("old", { days: 31 });
  tree("new", { days: 29 });
  expect(await enforce({ maxAgeDays: 30, maxBytes: 100 * mib })).toBe(1);
  expect(roots()).toEqual(["new"]);
  expect(store.findSession("old-child")).toBeUndefined();
  expect(store.findDelegation("old-del")).toBeUndefined();
  expect(store.messagesOf("old-child")).toEqual([]);
  expect(store.findDelegation("new-del")).toBeDefined();
  expect(store.messagesOf("new-child")).toHaveLength(1);
  expect(await enforce({ maxAgeDays: 30, maxBytes: 100 * mib })).toBe(0);
});

test("0 days keep all", async () => {
  tree("old", { days: 10_000 });
  expect(await enforce({ maxAgeDays: 0, maxBytes: 100 * mib })).toBe(0);
  expect(roots()).toEqual(["old"]);
});

test("nothing of a tree goes in which anything is open, here or in another daemon, however old and large", async () => {
  tree("here", { days: 90, bytes: mib });
  tree("there", { days: 90, bytes: mib, endedAt: null });
  tree("ended", { days: 90, bytes: mib });
  expect(await enforce({ maxAgeDays: 30, maxBytes: 1 }, ["here-child"])).toBe(1);
  expect(roots().toSorted()).toEqual(["here", "there"]);
});

test("the oldest go until the rest fits, and the file becomes that much smaller", async () => {
  for (let days = 20; days > 0; days--) tree(`d${days}`, { days, bytes: mib });
  const before = store.bytes();
  expect(before).toBeGreaterThan(20 * mib);
  await enforce({ maxAgeDays: 30, maxBytes: 8 * mib });
  expect(store.bytes()).toBeLessThan(8 * mib);
  expect(roots()).toEqual(["d1", "d2", "d3", "d4", "d5", "d6", "d7"]);
  const sizes = ["", "-wal"].map((suffix) => statSync(join(folder, `crucible.db${suffix}`)).size);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(9 * mib);
  expect(store.findDelegation("d1-del")?.result).toHaveLength(mib);
});
