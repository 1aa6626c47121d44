/** What becomes of what is stored where it cannot be kept: a damaged file, a place that cannot be written, a memory that is full. */
import {
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createBus, type Bus } from "../../../src/observe/bus.ts";
import { storeUnwritable } from "../../../src/sessions/errors.ts";
import type { Store } from "../../../src/sessions/records.ts";
import { openStore } from "../../../src/sessions/store.ts";
import { maxUnsavedBytes, storeRetryMs } from "../../../src/sessions/tables.ts";
import { delegation, permission, session } from "./stored.ts";

let folder: string;
let file: string;
let bus: Bus;
let warnings: string[];
const open: Store[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cru-store-"));
  file = join(folder, "crucible.db");
  bus = createBus();
  warnings = [];
  bus.on("warning", ({ message }) => warnings.push(message));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(async () => {
  vi.useRealTimers();
  for (const store of open.splice(0)) store.close();
  await rm(folder, { recursive: true });
});

function openedStore(place = folder): Store {
  const store = openStore(place, bus);
  open.push(store);
  return store;
}

function reopened(place = folder): Store {
  open.pop()?.close();
  return openedStore(place);
}

/** A store with enough in it to be damaged in the middle. */
function filled(): void {
  const store = openedStore();
  for (let index = 0; index < 50; index++) store.saveDelegation(delegation(`d${index}`));
  open.pop()?.close();
  const database = new Database(file);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}

describe("a damaged file is set aside whole, a new one is begun, and the warning names both", () => {
  const damages: Record<string, () => void> = {
    "garbage from the first byte": () => writeFileSync(file, "this is no database at all".repeat(500)),
    "cut off in the middle": () => {
      filled();
      truncateSync(file, Math.floor(statSync(file).size / 2));
    },
    "overwritten in the middle": () => {
      filled();
      const descriptor = openSync(file, "r+");
      for (let page = 1; page < 20; page++) writeSync(descriptor, "\u00ff\u00fe".repeat(500), page * 4096);
    },
    "a folder in its place": () => mkdirSync(file),
    "written by a later release": () => {
      filled();
      const database = new Database(file);
      database.exec("PRAGMA user_version = 9999");
      database.close();
    },
  };
  for (const [damage, make] of Object.entries(damages)) {
    test(damage, () => {
      make();
      const isFile = statSync(file).isFile();
      const before = isFile ? readFileSync(file) : undefined;
      openedStore().saveSession(session("s"));
      expect(reopened().findSession("s")).toBeDefined();
      const aside = readdirSync(folder).filter((name) => /\.damaged-\d+$/.test(name));
      expect(aside).toHaveLength(1);
      if (before) expect(readFileSync(join(folder, aside[0]!)).equals(before)).toBe(true);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(aside[0]);
      expect(open[0]!.health.degradedSince).toBeNull();
    });
  }

  test("what SQLite had beside it goes with it, and is not taken for a part of the new one", () => {
    writeFileSync(file, "garbage".repeat(5000));
    writeFileSync(`${file}-wal`, "left behind");
    writeFileSync(`${file}-shm`, "left behind");
    openedStore().saveSession(session("s"));
    open.pop()!.close();
    expect(openedStore().findSession("s")).toBeDefined();
    expect(warnings).toHaveLength(1);
  });
});

test("what a daemon that was killed had left beside the file is read", () => {
  filled();
  const database = new Database(file);
  database.exec("UPDATE sessions SET title = title; PRAGMA wal_autocheckpoint = 0;");
  database.exec("UPDATE delegations SET agent = 'written last' WHERE id = 'd7'");
  const copies = ["", "-wal"].map((suffix) => [suffix, readFileSync(file + suffix)] as const);
  database.close();
  for (const [suffix, bytes] of copies) writeFileSync(file + suffix, bytes);
  expect(copies[1]![1].length).toBeGreaterThan(0);
  expect(openedStore().findDelegation("d7")?.agent).toBe("written last");
  expect(warnings).toEqual([]);
});

test("a log beside no file at all does no harm", () => {
  writeFileSync(`${file}-wal`, "garbage".repeat(1000));
  openedStore().saveSession(session("s"));
  expect(reopened().findSession("s")).toBeDefined();
});

describe("where the file cannot be written", () => {
  test("all goes on in memory, and into the file as soon as it can be written", () => {
    const place = join(folder, "not", "there");
    const store = openedStore(place);
    expect(store.health).toMatchObject({ degradedSince: expect.any(Number), reason: expect.stringMatching(/open/) });
    expect(warnings).toEqual([expect.stringContaining("memory only")]);
    store.saveSession(session("s"));
    store.saveDelegation(delegation("d"));
    store.appendMessage({ sessionId: "s", at: 1, from: "client", method: "session/prompt", params: {} });
    vi.advanceTimersByTime(storeRetryMs);
    expect(store.messagesOf("s")).toHaveLength(1);
    expect(store.health.degradedSince).not.toBeNull();
    expect(warnings).toHaveLength(1);

    mkdirSync(place, { recursive: true });
    vi.advanceTimersByTime(storeRetryMs);
    expect(store.health).toMatchObject({ degradedSince: null, reason: null, lost: 0 });
    expect(warnings).toHaveLength(2);
    const again = reopened(place);
    expect(again.findSession("s")).toEqual(session("s"));
    expect(again.findDelegation("d")).toEqual(delegation("d"));
    expect(again.messagesOf("s")).toHaveLength(1);
  });

  describe("any more", () => {
    let other: Database.Database;
    let store: Store;

    beforeEach(() => {
      store = openedStore();
      store.saveSession(session("s", { title: "before" }));
      store.saveSession(session("child", { parentId: "s" }));
      store.saveDelegation(delegation("kept"));
      // What keeps the file from being written is another writer; a full disk looks the same from here.
      other = new Database(file);
      other.exec("BEGIN IMMEDIATE");
    });
    afterEach(() => other.close());

    test("what was written before and after is seen as one, each record once and as it was written last", () => {
      store.saveSession(session("s", { title: "after" }));
      store.saveSession(session("new", { parentId: "s", createdAt: 2 }));
      store.saveDelegation(delegation("more"));
      store.savePermission(permission("p"));
      expect(store.findSession("s")?.title).toBe("after");
      expect(store.childrenOf("s").map(({ id }) => id)).toEqual(["child", "new"]);
      expect(store.listSessions({ limit: 9 }).map(({ id }) => id)).toEqual(["s", "new", "child"]);
      expect(
        store
          .delegationsOf("s")
          .map(({ id }) => id)
          .toSorted(),
      ).toEqual(["kept", "more"]);
      expect(store.permissionsOf("s")).toHaveLength(1);
      expect(store.idsBeginning("", 9)).toEqual(["child", "kept", "more", "new", "s"]);
      expect(store.health.reason).toMatch(/locked/);
      expect(warnings).toHaveLength(1);

      other.exec("ROLLBACK");
      vi.advanceTimersByTime(storeRetryMs);
      expect(store.health.degradedSince).toBeNull();
      expect(reopened().findSession("s")?.title).toBe("after");
      expect(open[0]!.delegationsOf("s")).toHaveLength(2);
    });

    test("nothing counts as deleted that is not", () => {
      expect(() => store.deleteSession("s")).toThrow(expect.objectContaining({ code: storeUnwritable.code }));
      expect(store.findSession("s")).toBeDefined();
      expect(store.delegationsOf("s")).toHaveLength(1);
    });

    test("a store that is closed while it cannot write has lost what is in memory, and nothing else", () => {
      store.saveSession(session("s", { title: "after" }));
      open.pop()!.close();
      other.exec("ROLLBACK");
      expect(openedStore().findSession("s")?.title).toBe("before");
    });
  });

  test("memory holds so much and no more: messages go first, and the transcript says how many", () => {
    const store = openedStore(join(folder, "not", "there"));
    const size = 256 * 1024;
    const text = "x".repeat(size);
    const count = Math.ceil((maxUnsavedBytes * 1.5) / size);
    store.saveDelegation(delegation("d"));
    for (let index = 0; index < count; index++) {
      store.appendMessage({ sessionId: "s", at: 1, from: "client", method: "session/prompt", params: { text } });
    }
    const kept = store.messagesOf("s");
    const notes = kept.filter(({ from }) => from === "crucible");
    const dropped = notes.reduce((sum, { params }) => sum + (params as { messages: number }).messages, 0);
    expect(notes[0]).toMatchObject({ number: 1, method: "crucible/dropped" });
    expect(dropped + kept.length - notes.length).toBe(count);
    expect(dropped).toBeGreaterThan(0);
    expect(kept.at(-1)).toMatchObject({ number: count, from: "client" });
    expect(store.health.lost).toBe(dropped);
    expect(store.findDelegation("d")).toEqual(delegation("d"));
  });

  test("when even that is full of results, a result that is too much is said to be lost, and the others are there", () => {
    const store = openedStore(join(folder, "not", "there"));
    const result = "x".repeat(maxUnsavedBytes / 4);
    for (const id of ["a", "b", "c", "d", "e"]) store.saveDelegation(delegation(id, { result }));
    expect(store.findDelegation("a")?.result.length).toBe(result.length);
    expect(store.findDelegation("e")).toBeUndefined();
    expect(store.health.lost).toBeGreaterThan(0);
  });
});

test("the log beside the file does not grow without end while there are readers", () => {
  const store = openedStore();
  for (let index = 0; index < 200; index++) {
    store.saveDelegation(delegation(`d${index}`));
    store.findDelegation("d0");
    store.listSessions({ limit: 3 });
  }
  expect(statSync(file).size).toBeGreaterThan(5 * 1024 * 1024);
  expect(statSync(`${file}-wal`).size).toBeLessThan(12 * 1024 * 1024);
});
