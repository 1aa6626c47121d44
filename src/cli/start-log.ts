/**
 * What a daemon that was started in the background writes to its standard error: a file in the state folder, from which its
 * own error is told when it does not come up. Its log proper is another file; this one holds what comes before and after.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { stateDirectory, type Environment } from "../base/paths.ts";
import { plainText } from "../base/text.ts";
import type { ProcessExit } from "../process/child.ts";
import { daemonStart } from "./errors.ts";
import { exitNamed, relayedError } from "./relayed-error.ts";

/** A file that has grown beyond this is begun anew at the next start. */
const maxKeptBytes = 1024 * 1024;
const maxReadBytes = 64 * 1024;
const maxShownLines = 20;

export interface StartLog {
  readonly file: string;
  /** The daemon that was started found another one on its socket. */
  saysAlreadyRunning(): boolean;
  /** Why the daemon that ended did not come up: its own error where it wrote one, else CRU_DAEMON_START. */
  failure(exit: ProcessExit): Error;
}

/** Makes the folder, and remembers what stands in the file already. Throws CRU_DAEMON_START. */
export function openStartLog(env: Environment): StartLog {
  const directory = stateDirectory(env);
  const file = join(directory, "daemon.stderr");
  const offset = prepare(directory, file);
  return {
    file,
    saysAlreadyRunning: () => textAfter(file, offset).includes("[CRU_DAEMON_RUNNING]"),
    failure: (exit) => failureFrom(textAfter(file, offset), { exit, file }),
  };
}

function prepare(directory: string, file: string): number {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const descriptor = openSync(file, "a", 0o600);
    try {
      const { size } = fstatSync(descriptor);
      if (size <= maxKeptBytes) return size;
      ftruncateSync(descriptor);
      return 0;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw daemonStart.create(`the daemon was not started: ${file} cannot be written (${messageOf(error)})`, {
      hint: `make ${directory} writable, or set XDG_STATE_HOME to a folder that is`,
      cause: error,
    });
  }
}

function textAfter(file: string, offset: number): string {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(maxReadBytes);
    const length = readSync(descriptor, bytes, 0, maxReadBytes, offset);
    return plainText(bytes.toString("utf8", 0, length)).trim();
  } finally {
    closeSync(descriptor);
  }
}

// As render/error-text.ts writes it: heading and code, what belongs to the message, the hint.
const writtenError = /^error: (.*) \[(CRU_[A-Z_]+)\]\n?([\s\S]*)$/m;
const writtenHint = /^hint: (.*)$/m;

function failureFrom(output: string, { exit, file }: { exit: ProcessExit; file: string }): Error {
  const [, heading, code, rest = ""] = writtenError.exec(output) ?? [];
  if (heading === undefined || code === undefined || code === "CRU_BUG") return unexplained(output, { exit, file });
  const hint = writtenHint.exec(rest);
  const body = hint ? rest.slice(0, hint.index) : rest;
  return relayedError({ code, message: `${heading}\n${body}`.trimEnd(), hint: hint?.[1], exit: exitNamed(exit.code) });
}

function unexplained(output: string, { exit, file }: { exit: ProcessExit; file: string }): Error {
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`;
  const lastLines = output.split("\n").slice(-maxShownLines).join("\n");
  const words = output === "" ? "and wrote nothing" : `and wrote:\n${lastLines}`;
  return daemonStart.create(`the daemon ${how} as it started, ${words}`, {
    hint: `run \`crucible serve\` in a terminal to see more; what it wrote is kept in ${file}`,
  });
}
