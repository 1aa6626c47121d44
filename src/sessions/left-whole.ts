/**
 * The mark that a store leaves beside its file when it is closed in good order: how the file stood then. To look through a large file
 * takes long (1.1 GB that the system has not in memory: 10 s), and is of use only where somebody else may have changed it since, or
 * its last writer has not come to its end. The mark counts once.
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";

/** Call when nothing writes to the file any more. It leaves none where SQLite has not brought all it keeps into the file. */
export function markLeftWhole(file: string): void {
  try {
    if (!isAllIn(file)) return;
    const descriptor = openSync(file, "r");
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    writeFileSync(markOf(file), stateOf(file), { mode: 0o600 });
  } catch {
    // Without the mark the next start looks through the file, and no more.
  }
}

/** Whether the file is as a store left it that was closed in good order. Takes the mark away. */
export function takeLeftWhole(file: string): boolean {
  try {
    const mark = readFileSync(markOf(file), "utf8");
    // One that stays would say the same of what is written from now on.
    rmSync(markOf(file));
    return isAllIn(file) && mark === stateOf(file);
  } catch {
    // Most often there is none.
    return false;
  }
}

function markOf(file: string): string {
  return `${file}.whole`;
}

function isAllIn(file: string): boolean {
  return (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0;
}

function stateOf(file: string): string {
  const { ino, size, mtimeNs } = statSync(file, { bigint: true });
  return `${ino} ${size} ${mtimeNs}\n`;
}
