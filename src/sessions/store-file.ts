/**
 * The file of the store: makes it, brings it to the present shape and looks whether it is whole, unless
 * it was left so, before anybody uses it. One
 * that is damaged, or of a later release, is set aside with all that belongs to it, and never deleted; one that merely cannot
 * be read or written now is left where it is.
 */
import { chmodSync, existsSync, renameSync, statSync } from "node:fs";
import Database from "libsql";
import { messageOf } from "../base/errors.ts";
import { markLeftWhole, takeLeftWhole } from "./left-whole.ts";
import { LaterRelease, migrate } from "./migrations.ts";

/** SQLite keeps what is not in the file itself yet in these beside it. */
const companions = ["-wal", "-shm"];

/** What a damaged file was set aside as, and why; undefined if it was whole or there was none. */
export type SetAside = { file: string; reason: string } | undefined;

/** Makes the file ready to be attached. Throws if it cannot be read or written. */
export function prepareStoreFile(file: string): SetAside {
  try {
    prepare(file, { isWhole: takeLeftWhole(file) });
    return undefined;
  } catch (error) {
    if (!isDamaged(file, error)) throw error;
    const aside = setAside(file);
    prepare(file, { isWhole: false });
    return { file: aside, reason: messageOf(error) };
  }
}

/** The store is closed: brings all that SQLite keeps beside the file into it, and marks it as left in good order. */
export function leaveStoreFile(file: string): void {
  try {
    // A connection of its own: one that has read from the file may not write its log into it.
    const database = new Database(file);
    try {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      database.close();
    }
  } catch {
    // Somebody else is at work in it, or it has gone: it gets no mark.
  }
  markLeftWhole(file);
}

function prepare(file: string, { isWhole }: { isWhole: boolean }): void {
  const database = new Database(file);
  try {
    // Results may hold what is nobody else's business.
    chmodSync(file, 0o600);
    database.exec("PRAGMA busy_timeout = 2000");
    const check = isWhole ? "ok" : valueOf(database, "quick_check");
    if (check !== "ok") throw new Damaged(`integrity check: ${String(check)}`);
    // Pages that are free go back to the file system bit by bit; a file that was begun without that is written anew once.
    if (valueOf(database, "auto_vacuum") !== 2) database.exec("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;");
    database.exec("PRAGMA journal_mode = WAL");
    migrate(database);
  } finally {
    database.close();
  }
}

function valueOf(database: Database.Database, pragma: string): unknown {
  const [row] = database.prepare(`PRAGMA ${pragma}`).all() as Record<string, unknown>[];
  return row?.[pragma];
}

class Damaged extends Error {}

function isDamaged(file: string, error: unknown): boolean {
  if (error instanceof Damaged || error instanceof LaterRelease) return true;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) return true;
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function setAside(file: string): string {
  const aside = `${file}.damaged-${Date.now()}`;
  renameSync(file, aside);
  // What belongs to the damaged file must not be taken for a part of the new one.
  for (const suffix of companions) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  return aside;
}
