/** Reading the log without a daemon: the last entries across rotated files, and following it while it is rotated away. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { followLog, readLog, type LogReading } from "../../../src/observe/log-file.ts";
import { until } from "../../support/conditions.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cru-log-"));
  file = join(folder, "daemon.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

function line(msg: string, fields: Record<string, unknown> = {}): string {
  return `${JSON.stringify({ level: "info", time: "2026-11-21T13:20:14.123Z", ...fields, msg })}\n`;
}

async function messages(query: Partial<LogReading> = {}): Promise<string[]> {
  const found: string[] = [];
  await readLog(file, { lines: 100, ...query, onEntry: async ({ message }) => void found.push(message) });
  return found;
}

test("the last entries come from as many rotated files as it takes, the oldest first", async () => {
  writeFileSync(join(folder, "20261120T235900.000Z-01-daemon.log"), line("a") + line("b"));
  writeFileSync(join(folder, "20261121T010000.000Z-02-daemon.log"), line("c"));
  writeFileSync(join(folder, "20261121T010000.000Z-02-other.log"), line("of something else"));
  writeFileSync(file, line("d") + line("e"));
  expect(await messages()).toEqual(["a", "b", "c", "d", "e"]);
  expect(await messages({ lines: 4 })).toEqual(["b", "c", "d", "e"]);
  expect(await messages({ lines: 1 })).toEqual(["e"]);
  expect(await messages({ lines: 0 })).toEqual([]);
});

test("where there is no log there is nothing to show, and no error", async () => {
  file = join(folder, "missing", "daemon.log");
  expect(await messages()).toEqual([]);
});

test("entries are chosen by the beginning of any of their ids, and by how severe they are", async () => {
  writeFileSync(
    file,
    line("own", { sessionId: "ses_ab1" }) +
      line("child", { sessionId: "ses_zz", rootId: "ses_ab1", delegationId: "del_q" }) +
      line("other", { sessionId: "ses_ac" }) +
      line("bad", { sessionId: "ses_ab1", level: "error" }),
  );
  expect(await messages({ id: "ses_ab" })).toEqual(["own", "child", "bad"]);
  expect(await messages({ id: "del_" })).toEqual(["child"]);
  expect(await messages({ level: "warn" })).toEqual(["bad"]);
  expect(await messages({ id: "ses_ab", lines: 2 })).toEqual(["child", "bad"]);
});

test("what is no entry is shown as it stands, and a line without its end not at all", async () => {
  writeFileSync(file, `torn by a crash\n${line("a")}{"msg":"unfini`);
  expect(await messages()).toEqual(["torn by a crash", "a"]);
});

test("it is followed from before it exists, through rotation, to the last line of the old file", async () => {
  const found: string[] = [];
  const stop = new AbortController();
  const onEntry = async ({ message }: { message: string }): Promise<void> => void found.push(message);
  const following = followLog(file, { lines: 10, onEntry }, stop.signal);
  writeFileSync(file, line("a"));
  await until(() => found.length === 1);
  const torn = line("b");
  appendFileSync(file, torn.slice(0, 20));
  appendFileSync(file, torn.slice(20) + line("c"));
  renameSync(file, join(folder, "20261121T010000.000Z-01-daemon.log"));
  writeFileSync(file, line("d"));
  await until(() => found.length === 4);
  appendFileSync(file, line("e"));
  await until(() => found.length === 5);
  stop.abort();
  await following;
  expect(found).toEqual(["a", "b", "c", "d", "e"]);
});
