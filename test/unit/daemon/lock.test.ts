/** A lock is held by a daemon that lives, and by nobody else. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { lockHolder, takeLock } from "../../../src/daemon/lock.ts";
import { createProcessTable } from "../../../src/process/own-table.ts";
import { until } from "../../support/conditions.ts";

const table = createProcessTable();

function lockFile(holder?: { pid: number; startTime: number }): string {
  const folder = mkdtempSync(join(tmpdir(), "cru-lock-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "daemon.lock");
  if (holder) writeFileSync(file, JSON.stringify(holder));
  return file;
}

/** A process that has ended, under a parent that never looks: it keeps its pid and start time. */
async function unreaped(): Promise<{ pid: number; startTime: number }> {
  const parent = spawn("sh", ["-c", "sleep 0.01 & echo $!; exec sleep 1000"], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void parent.kill("SIGKILL"));
  const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
  const pid = Number(line);
  await until(() => table.find(pid)?.dead);
  return { pid, startTime: table.find(pid)!.startTime };
}

test("a lock is held until it is released", () => {
  const file = lockFile();
  const first = takeLock(file);

  expect(first.held).toBe(true);
  expect(takeLock(file)).toEqual({ held: false, pid: process.pid });
  expect(lockHolder(file)).toBe(process.pid);
  if (first.held) first.release();
  expect(lockHolder(file)).toBeUndefined();
});

test("the lock of a daemon that was killed is free, though nobody has noticed its end", async () => {
  const file = lockFile(await unreaped());

  expect(lockHolder(file)).toBeUndefined();
  expect(takeLock(file).held).toBe(true);
});

test("a lock is free when its pid was given to another program since", () => {
  const file = lockFile({ pid: process.pid, startTime: 1 });

  expect(lockHolder(file)).toBeUndefined();
  expect(takeLock(file).held).toBe(true);
});
