/**
 * Tries a mechanism with what it is for: a file outside that must not be readable, and a folder inside in which one must be
 * able to write. A mechanism that is installed and does not hold is as good as none. Also whether bubblewrap works inside of
 * it, as agents bring it.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import type { LaunchSpec } from "../process/child.ts";
import { runToEnd } from "../process/run.ts";

/** How long the trial of one mechanism may take, in milliseconds: a machine under load is slow to start anything. */
export const trialTimeoutMs = 15_000;

/** What a trial has shown. */
export interface Verdict {
  /** What is wrong, as the end of a sentence; undefined if it holds. */
  readonly problem: string | undefined;
  /** Whether bubblewrap works inside. */
  readonly bwrapInside: boolean;
  /** The trial itself could not be made, for want of space or of the right to write: nothing is known of the mechanism. */
  readonly isUntried?: boolean;
}

/** How the script of a trial ends. */
const [readOutside, held, heldWithBwrap] = [3, 4, 5];

const script =
  // cat tells by its exit code whether it could read; the shell alone could not be told from a shell that is not there.
  `cat "$0" 2>/dev/null && exit ${readOutside}; echo held > written && cat written >/dev/null || exit 1; ` +
  `bwrap --unshare-user --ro-bind / / true 2>/dev/null && exit ${heldWithBwrap}; exit ${held}`;

export async function tryMechanism(
  stateDirectory: string,
  confine: (spec: LaunchSpec, inside: string) => LaunchSpec,
): Promise<Verdict> {
  let folder: string | undefined;
  let isPrepared = false;
  try {
    const place = join(stateDirectory, "trials");
    await mkdir(place, { recursive: true, mode: 0o700 });
    folder = await mkdtemp(join(place, "trial-"));
    const [outside, inside] = [join(folder, "outside"), join(folder, "inside")];
    await mkdir(inside);
    await writeFile(outside, "canary");
    isPrepared = true;
    const spec = { label: "trial", command: "/bin/sh", args: ["-c", script, outside], env: { PATH: "/usr/bin:/bin" } };
    const run = await runToEnd(confine({ ...spec, cwd: inside }, inside), { timeoutMs: trialTimeoutMs });
    if (run.timedOut) return failed("it did not answer in time");
    if (run.code === readOutside) return failed("a file outside of it could be read");
    if (run.code !== held && run.code !== heldWithBwrap) {
      return failed(oneLine(run.stderr.trim(), 300) || `it ended with ${run.code ?? run.signal}`);
    }
    const written = await readFile(join(inside, "written"), "utf8");
    if (written !== "held\n") return failed("what was written inside of it did not arrive");
    return { problem: undefined, bwrapInside: run.code === heldWithBwrap };
  } catch (error) {
    return { ...failed(oneLine(messageOf(error), 300)), isUntried: !isPrepared };
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

function failed(problem: string): Verdict {
  return { problem, bwrapInside: false };
}
