/**
 * A running daemon looks now and then whether anything lives that should not: processes with the mark of a tree that it has ended,
 * which came to life behind its last look, and what another daemon on the same state folder left when it was killed.
 */
import { messageOf } from "../base/errors.ts";
import type { LocalLauncher } from "./launcher.ts";
import { reapLeftovers, type Reaped } from "./reap.ts";

/** Time between two looks for processes that were left, in milliseconds. */
export const sweepIntervalMs = 30_000;

export interface SweepOptions {
  stateDirectory: string;
  launcher: Pick<LocalLauncher, "sweep">;
  onWarning: (message: string) => void;
  intervalMs?: number;
}

/** Looks every `intervalMs` until the returned function is called, which waits for a look that is under way. */
export function startSweeping(options: SweepOptions): () => Promise<void> {
  const { stateDirectory, launcher, onWarning, intervalMs = sweepIntervalMs } = options;
  let running: Promise<void> | undefined;

  async function look(): Promise<void> {
    try {
      const found = [...(await launcher.sweep()), ...(await reapLeftovers(stateDirectory, { onWarning }))];
      for (const { label, pids } of found.filter(told)) {
        onWarning(`ended what was left of ${label}: pid ${pids.join(", ")}`);
      }
    } catch (error) {
      onWarning(`could not look for processes that were left: ${messageOf(error)}`);
    }
  }

  const timer = setInterval(() => {
    running ??= look().finally(() => (running = undefined));
  }, intervalMs).unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}

function told({ pids }: Reaped): boolean {
  return pids.length > 0;
}
