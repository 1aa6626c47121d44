/**
 * Reading the daemon's log from outside: the file written to now and the older ones beside it that rotation left, as entries.
 * Works without a daemon, and across a rotation that happens meanwhile. Must not load the logging library.
 */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isSystemError } from "../base/errors.ts";
import type { LogLevel } from "../config/config.ts";

/** Time between two looks at a log that is followed, in milliseconds. */
const followMs = 200;

const chunkBytes = 64 * 1024;

export const logLevels: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];

export interface LogEntry {
  /** ISO 8601; undefined, like the level, for a line that is none of the log's. */
  time: string | undefined;
  level: LogLevel | undefined;
  message: string;
  /** All that the line holds. */
  fields: Readonly<Record<string, unknown>>;
  /** The line as it stands in the file, without its newline. */
  line: string;
}

/** Which entries are wanted; what is left out does not narrow. */
export interface LogQuery {
  /** The least severe. */
  level?: LogLevel | undefined;
  /** A session, a root session or a delegation: its id, or how that begins. */
  id?: string | undefined;
}

export interface LogReading extends LogQuery {
  /** How many of those that are there already. */
  lines: number;
  onEntry: (entry: LogEntry) => Promise<void>;
}

/** The last entries, the oldest first. Nothing where there is no log yet. */
export async function readLog(file: string, reading: LogReading): Promise<void> {
  const tail = new Tail(file);
  try {
    for (const entry of lastEntries(file, tail.read(), reading)) await reading.onEntry(entry);
  } finally {
    tail.close();
  }
}

/** As `readLog`, and then all that is written from now on, until the signal aborts; also in a file that is not there yet. */
export async function followLog(file: string, reading: LogReading, signal: AbortSignal): Promise<void> {
  const tail = new Tail(file);
  try {
    for (const entry of lastEntries(file, tail.read(), reading)) await reading.onEntry(entry);
    while (!signal.aborted) {
      for (const entry of tail.read().map(toEntry)) if (isWanted(entry, reading)) await reading.onEntry(entry);
      await pause(followMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    tail.close();
  }
}

function lastEntries(file: string, newest: readonly string[], query: LogReading): LogEntry[] {
  const found: LogEntry[] = [];
  const older = olderFiles(file);
  for (let lines = newest; found.length < query.lines; lines = linesOf(older.pop()!)) {
    const wanted = lines.map(toEntry).filter((entry) => isWanted(entry, query));
    found.unshift(...wanted.slice(Math.max(0, wanted.length - (query.lines - found.length))));
    if (older.length === 0) break;
  }
  return found;
}

/** Under which name rotation puts a file aside (`20261121T132014.123Z-01-daemon.log`); in the order of these they were written. */
export function olderName(name: string, at: Date, index: number): string {
  return `${at.toISOString().replaceAll(/[-:]/g, "")}-${String(index).padStart(2, "0")}-${name}`;
}

/** What rotation has put aside, the oldest first. */
function olderFiles(file: string): string[] {
  const isOlder = (name: string): boolean =>
    /^\d{8}T\d{6}\.\d{3}Z-\d{2,}-/.test(name) && name.endsWith(`-${basename(file)}`);
  try {
    return readdirSync(dirname(file))
      .filter(isOlder)
      .toSorted()
      .map((name) => join(dirname(file), name));
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  } catch (error) {
    // Rotation takes the oldest away.
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
}

function toEntry(line: string): LogEntry {
  const fields = fieldsOf(line);
  const { time, level, msg } = fields;
  return {
    time: typeof time === "string" ? time : undefined,
    level: logLevels.find((one) => one === level),
    message: typeof msg === "string" ? msg : line,
    fields,
    line,
  };
}

function fieldsOf(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // Cut off by a crash, say; it is shown as it is.
    return {};
  }
}

const idFields = ["sessionId", "rootId", "delegationId", "childId", "parentId"] as const;

function isWanted({ level, fields }: LogEntry, query: LogQuery): boolean {
  const { id } = query;
  if (query.level && level && logLevels.indexOf(level) < logLevels.indexOf(query.level)) return false;
  if (id === undefined) return true;
  return idFields.some((name) => typeof fields[name] === "string" && fields[name].startsWith(id));
}

/** The file under a name, read from where the last reading ended; a new file that takes the name is read after the old one. */
class Tail {
  readonly #file: string;
  #descriptor: number | undefined;
  #offset = 0;
  /** The beginning of a line whose end is not written yet. */
  #begun = Buffer.alloc(0);

  constructor(file: string) {
    this.#file = file;
  }

  /** The whole lines that have come since. */
  read(): string[] {
    this.#descriptor ??= this.#open();
    if (this.#descriptor === undefined) return [];
    const lines = this.#toEnd(this.#descriptor);
    if (this.#isCurrent(this.#descriptor)) return lines;
    // What was written between the first reading and the rotation.
    lines.push(...this.#toEnd(this.#descriptor));
    this.close();
    return [...lines, ...this.read()];
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    this.#offset = 0;
    this.#begun = Buffer.alloc(0);
  }

  #open(): number | undefined {
    try {
      return openSync(this.#file, "r");
    } catch (error) {
      if (isSystemError(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  /** Whether the name still means the file that is open, and that was not emptied. While it means none, it has not changed. */
  #isCurrent(descriptor: number): boolean {
    const named = statSync(this.#file, { throwIfNoEntry: false });
    return !named || (named.ino === fstatSync(descriptor).ino && named.size >= this.#offset);
  }

  #toEnd(descriptor: number): string[] {
    const parts = [this.#begun];
    for (;;) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const length = readSync(descriptor, chunk, 0, chunkBytes, this.#offset);
      if (length === 0) break;
      this.#offset += length;
      parts.push(chunk.subarray(0, length));
    }
    const bytes = Buffer.concat(parts);
    const end = bytes.lastIndexOf("\n") + 1;
    this.#begun = bytes.subarray(end);
    return end === 0 ? [] : bytes.toString("utf8", 0, end - 1).split("\n");
  }
}
