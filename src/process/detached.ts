/**
 * Starts a program that outlives whoever starts it: the daemon, when an editor finds none running. It has a session of its
 * own, no terminal, and leaves the tree of an agent it was started from.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import type { LaunchSpec, ProcessExit } from "./child.ts";
import { markerVariable } from "./marker.ts";
import { spawnFailure } from "./spawn-failure.ts";

export interface DetachedOptions {
  /** Where its stdout and stderr go, appended, mode 0600; default: nowhere. Its folder must exist. */
  logFile?: string;
}

export interface DetachedProcess {
  readonly pid: number;
  /** For as long as the caller lives: how it ended. Waiting for it does not keep the caller alive. */
  readonly exited: Promise<ProcessExit>;
}

/** Rejects with CRU_AGENT_START when the program cannot be started; says nothing about what becomes of it then. */
export async function startDetached(spec: LaunchSpec, options: DetachedOptions = {}): Promise<DetachedProcess> {
  const { [markerVariable]: _marker, ...env } = spec.env;
  const output = options.logFile === undefined ? "ignore" : openSync(options.logFile, "a", 0o600);
  try {
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env,
      stdio: ["ignore", output, output],
      detached: true,
    });
    const exited = new Promise<ProcessExit>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    // Rejects with the 'error' event when there is nothing to spawn.
    await once(child, "spawn");
    child.unref();
    return { pid: child.pid!, exited };
  } catch (cause) {
    throw spawnFailure(spec, cause);
  } finally {
    if (output !== "ignore") closeSync(output);
  }
}
