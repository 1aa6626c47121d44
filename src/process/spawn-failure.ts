/**
 * Why a program could not be started, told so that a person can act on it. The system says ENOENT for a missing program, a
 * missing interpreter and a missing folder alike; here they are told apart.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { isSystemError, messageOf, type CrucibleError } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import { agentStart } from "./errors.ts";

/** What was to be started; the part of a LaunchSpec that can be wrong. */
interface Attempt {
  readonly label: string;
  readonly command: string;
  readonly cwd: string;
}

interface Explanation {
  reason: string;
  hint: string;
}

/** The CRU_AGENT_START for what `spawn` threw or emitted. */
export function spawnFailure(attempt: Attempt, cause: unknown): CrucibleError {
  const { reason, hint } = explain(attempt, cause);
  const { label, command, cwd } = attempt;
  const details = { label, command, cwd, systemError: isSystemError(cause) ? cause.code : messageOf(cause) };
  return agentStart.create(`${label} could not be started: ${reason}`, { hint, details, cause });
}

function explain(attempt: Attempt, cause: unknown): Explanation {
  const { label, command, cwd } = attempt;
  const folder = folderProblem(cwd);
  if (folder) {
    return { reason: `its working directory ${cwd} ${folder}`, hint: "create the directory, or correct `cwd`" };
  }
  if (isSystemError(cause, "ENOENT", "ENOTDIR")) return explainMissing(command);
  if (isSystemError(cause, "EACCES", "EPERM")) {
    return isDirectory(command)
      ? { reason: `${command} is a directory, not a program`, hint: `correct \`command\` of ${label}` }
      : { reason: `${command} may not be executed`, hint: `make it executable: chmod +x ${command}` };
  }
  if (isSystemError(cause, "ENOEXEC", "UNKNOWN")) {
    return {
      reason: `${command} is not a program for this system`,
      hint: "install the build for this system, or give a script a first line such as `#!/bin/sh`",
    };
  }
  if (isSystemError(cause, "E2BIG")) {
    return {
      reason: "its arguments and environment are larger than the system allows",
      hint: "shorten `args` and `env`",
    };
  }
  if (isSystemError(cause, "EAGAIN", "EMFILE", "ENFILE", "ENOMEM")) {
    return {
      reason: `the system has no room for another process (${cause.code})`,
      hint: "end other programs, or raise the limits (ulimit -u, ulimit -n)",
    };
  }
  return { reason: messageOf(cause), hint: `check \`command\`, \`args\` and \`env\` of ${label}` };
}

function explainMissing(command: string): Explanation {
  const interpreter = interpreterOf(command);
  if (interpreter !== undefined) {
    return {
      reason: `${command} asks for the interpreter ${interpreter}, which does not exist`,
      hint: `install ${interpreter}, or correct the first line of ${command}`,
    };
  }
  return {
    reason: `the program ${command} does not exist`,
    hint: isAbsolute(command) ? "install it, or correct `command`" : "install it, or give its full path as `command`",
  };
}

function folderProblem(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : "is not a directory";
  } catch (error) {
    return isSystemError(error, "ENOENT") ? "does not exist" : `cannot be used (${messageOf(error)})`;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The program named in the first line (`#!…`) of a script; undefined when it is no script that can be read. */
function interpreterOf(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const start = Buffer.alloc(256);
    const length = readSync(file, start);
    const line = /^#!\s*(\S+)/.exec(start.toString("utf8", 0, length));
    return line?.[1] === undefined ? undefined : oneLine(line[1], 200);
  } catch {
    // Not to be read, so there is nothing to add to what the system said.
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
