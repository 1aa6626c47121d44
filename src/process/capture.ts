/**
 * Asks a program one short question and reads the answer from its stdout. It is left alone once it has answered, with what
 * it may have put in the background; when it does not answer in time, all of its tree is ended.
 */
import { spawn } from "node:child_process";
import { within } from "../base/deadline.ts";
import { newId } from "../base/ids.ts";
import type { LaunchSpec } from "./child.ts";
import { markedEnvironment } from "./marker.ts";
import { createProcessTable } from "./own-table.ts";
import { spawnFailure } from "./spawn-failure.ts";
import { ProcessTree } from "./tree.ts";

export interface CaptureOptions {
  timeoutMs: number;
  /** More output than this is no answer. */
  maxBytes: number;
  /** True as soon as the answer is there, even if something still holds the program's stdout. */
  isComplete: (output: string) => boolean;
}

/**
 * What the program wrote until it was complete, or until it closed its stdout; undefined when it took too long or said too
 * much. Rejects with CRU_AGENT_START when it cannot be started.
 */
export async function captureOutput(spec: LaunchSpec, options: CaptureOptions): Promise<string | undefined> {
  const { timeoutMs, maxBytes, isComplete } = options;
  const id = newId("agt");
  const table = createProcessTable();
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { ...spec.env, ...markedEnvironment(id) },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const { pid, stdout } = child;
  const startTime = pid === undefined ? undefined : table.find(pid)?.startTime;

  const answer = new Promise<string | undefined>((resolve, reject) => {
    let output = "";
    stdout.setEncoding("utf8");
    stdout.on("data", (text: string) => {
      output += text;
      if (isComplete(output)) resolve(output);
      else if (output.length > maxBytes) resolve(undefined);
    });
    stdout.once("close", () => resolve(output));
    child.once("error", (cause) => reject(spawnFailure(spec, cause)));
  });

  try {
    const output = await within(answer, timeoutMs);
    if (typeof output === "string") return output;
    if (pid !== undefined && startTime !== undefined) {
      await new ProcessTree({ table, id, top: { pid, startTime } }).kill();
    }
    return undefined;
  } finally {
    stdout.destroy();
    child.unref();
  }
}
