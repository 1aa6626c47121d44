/**
 * Tries a mechanism with what it is for: a file outside that must not be readable, and a folder inside in which one must be
 * able to write. A mechanism that is installed and does not hold is as good as none.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import type { LaunchSpec } from "../process/child.ts";
import { runToEnd } from "../process/run.ts";

/** How long the trial of one mechanism may take, in milliseconds: a machine under load is slow to start anything. */
export const trialTimeoutMs = 15_000;

/** Undefined if it holds, else what is wrong, as the end of a sentence. */
export async function tryMechanism(
  stateDirectory: string,
  confine: (spec: LaunchSpec, inside: string) => LaunchSpec,
): Promise<string | undefined> {
  let folder: string | undefined;
  try {
    const place = join(stateDirectory, "trials");
    await mkdir(place, { recursive: true, mode: 0o700 });
    folder = await mkdtemp(join(place, "trial-"));
    const [outside, inside] = [join(folder, "outside"), join(folder, "inside")];
    await mkdir(inside);
    await writeFile(outside, "canary");
    // cat tells by its exit code whether it could read; the shell alone could not be told from a shell that is not there.
    const script = 'cat "$0" 2>/dev/null && exit 3; echo held > written && cat written >/dev/null && exit 4';
    const spec = { label: "trial", command: "/bin/sh", args: ["-c", script, outside], env: { PATH: "/usr/bin:/bin" } };
    const run = await runToEnd(confine({ ...spec, cwd: inside }, inside), { timeoutMs: trialTimeoutMs });
    if (run.timedOut) return "it did not answer in time";
    if (run.code === 3) return "a file outside of it could be read";
    if (run.code !== 4) return said(run.stderr) || `it ended with ${run.code ?? run.signal}`;
    const written = await readFile(join(inside, "written"), "utf8");
    return written === "held\n" ? undefined : "what was written inside of it did not arrive";
  } catch (error) {
    return oneLine(messageOf(error), 300);
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

function said(stderr: string): string {
  return oneLine(stderr.trim(), 300);
}
