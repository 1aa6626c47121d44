/**
 * Runs a program to its end: for short work that has an exit code, such as git. It gets no input. When it is not wanted any
 * longer or takes too long, all of its tree is ended. What it says is an answer to the caller; it decides nothing here.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { within } from "../base/deadline.ts";
import { newId } from "../base/ids.ts";
import type { LaunchSpec, ProcessExit } from "./child.ts";
import { handBytes, handedOver } from "./handed-over.ts";
import { markedEnvironment } from "./marker.ts";
import { createProcessTable } from "./own-table.ts";
import { spawnFailure } from "./spawn-failure.ts";
import { ProcessTree } from "./tree.ts";

/** What is kept of stdout and of stderr, in characters; the rest is read and dropped. */
const maxOutputCharacters = 64 * 1024;

export interface RunOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** Where stdout goes instead of into the answer: a new file, mode 0600. */
  outputFile?: string;
}

export interface FinishedRun extends ProcessExit {
  stdout: string;
  stderr: string;
  /** True if it was ended because the time was over. */
  timedOut: boolean;
}

/** Rejects with CRU_AGENT_START when it cannot be started, and with the signal's reason when that aborts. */
export async function runToEnd(spec: LaunchSpec, options: RunOptions): Promise<FinishedRun> {
  const { timeoutMs, signal, outputFile } = options;
  signal?.throwIfAborted();
  const id = newId("agt");
  const table = createProcessTable();
  const file = outputFile === undefined ? undefined : openSync(outputFile, "wx", 0o600);
  try {
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { ...spec.env, ...markedEnvironment(id) },
      stdio: ["ignore", file ?? "pipe", "pipe", ...handedOver(spec.sandbox)],
      detached: true,
    });
    handBytes(child, spec.sandbox);
    const { pid } = child;
    const startTime = pid === undefined ? undefined : table.find(pid)?.startTime;
    const said = { stdout: "", stderr: "" };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (said.stdout = kept(said.stdout, text)));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (said.stderr = kept(said.stderr, text)));
    const exit = new Promise<ProcessExit>((resolve, reject) => {
      child.once("close", (code, how) => resolve({ code, signal: how }));
      child.once("error", (cause) => reject(spawnFailure(spec, cause)));
    });
    const endTree = async (): Promise<void> => {
      if (pid === undefined || startTime === undefined) return;
      await new ProcessTree({ table, id, top: { pid, startTime } }).kill();
    };
    try {
      const outcome = await within(exit, timeoutMs, signal);
      if (typeof outcome !== "symbol") return { ...outcome, ...said, timedOut: false };
      await endTree();
      return { code: null, signal: null, ...said, timedOut: true };
    } catch (error) {
      await endTree();
      throw error;
    }
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function kept(before: string, text: string): string {
  return before.length < maxOutputCharacters ? (before + text).slice(0, maxOutputCharacters) : before;
}
