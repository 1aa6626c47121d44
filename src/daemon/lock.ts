/**
 * One daemon for a thing: a lock file that names its holder by pid and start time, so that the lock of a daemon that died is
 * free, also when its pid was given to another program since.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isSystemError } from "../base/errors.ts";
import { createProcessTable } from "../process/own-table.ts";
import type { ProcessTable } from "../process/process-table.ts";

interface Holder {
  pid: number;
  startTime: number;
}

export type LockOutcome = { held: true; release: () => void } | { held: false; pid: number };

/** Takes the lock, or tells who has it. Throws what the file system says when the folder cannot be written. */
export function takeLock(file: string): LockOutcome {
  const table = createProcessTable();
  const self: Holder = { pid: process.pid, startTime: table.find(process.pid)?.startTime ?? 0 };
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(self), { mode: 0o600 });
  try {
    // Linking fails when the name is taken, so of two daemons that come at once one wins.
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      if (tryLink(own, file)) return { held: true, release: () => release(file, self) };
      const holder = readHolder(file);
      if (holder && lives(holder, table)) return { held: false, pid: holder.pid };
      setAside(file, own, holder);
    }
    return { held: false, pid: readHolder(file)?.pid ?? 0 };
  } finally {
    rmSync(own, { force: true });
  }
}

/** The pid of the living daemon that has the lock, if one has. */
export function lockHolder(file: string): number | undefined {
  const holder = readHolder(file);
  return holder && lives(holder, createProcessTable()) ? holder.pid : undefined;
}

// A killed daemon whose parent never notices, as in a container without an init, keeps its pid and its start time.
function lives(holder: Holder, table: ProcessTable): boolean {
  const entry = table.find(holder.pid);
  return entry?.startTime === holder.startTime && !entry.dead;
}

/** Each attempt ends with a holder, a free name, or one stale lock less. */
const maxAttempts = 10;

function tryLink(own: string, file: string): boolean {
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (isSystemError(error, "EEXIST")) return false;
    throw error;
  }
}

// Renaming takes exactly one file away; if another daemon was quicker and this was its fresh lock, it is put back.
function setAside(file: string, own: string, stale: Holder | undefined): void {
  const aside = `${own}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return;
    throw error;
  }
  const taken = readHolder(aside);
  if (taken && (taken.pid !== stale?.pid || taken.startTime !== stale.startTime)) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function release(file: string, self: Holder): void {
  if (readHolder(file)?.pid === self.pid) rmSync(file, { force: true });
}

function readHolder(file: string): Holder | undefined {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as Partial<Holder>;
    return typeof value.pid === "number" && typeof value.startTime === "number"
      ? { pid: value.pid, startTime: value.startTime }
      : undefined;
  } catch {
    return undefined;
  }
}
