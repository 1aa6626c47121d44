/** When a store need not be looked through at its start: its file is as it was left in good order, and nobody has touched it since. */
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBus } from "../../../src/observe/bus.ts";
import { markLeftWhole, takeLeftWhole } from "../../../src/sessions/left-whole.ts";
import { openStore } from "../../../src/sessions/store.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cru-whole-"));
  file = join(folder, "crucible.db");
});
afterEach(() => rm(folder, { recursive: true }));

test("the mark counts once, and only for what it was made of", () => {
  expect(takeLeftWhole(file)).toBe(false);
  writeFileSync(file, "data");
  markLeftWhole(file);
  expect([takeLeftWhole(file), takeLeftWhole(file)]).toEqual([true, false]);

  markLeftWhole(file);
  appendFileSync(file, "more");
  expect(takeLeftWhole(file)).toBe(false);
  markLeftWhole(file);
  writeFileSync(`${file}-wal`, "more");
  expect(takeLeftWhole(file)).toBe(false);
});

test("a store leaves it when it is closed, and has taken it while it is open", () => {
  const store = openStore(folder, createBus());
  expect(existsSync(`${file}.whole`)).toBe(false);
  store.close();
  expect(existsSync(`${file}.whole`)).toBe(true);
  const again = openStore(folder, createBus());
  expect(existsSync(`${file}.whole`)).toBe(false);
  again.close();
  expect(takeLeftWhole(file)).toBe(true);
});
