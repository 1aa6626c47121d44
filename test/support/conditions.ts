/** Waiting until something is so: what tests do instead of sleeping. */
import { setTimeout as pause } from "node:timers/promises";

const pollMs = 10;

/** Time for whatever has promised no time of its own: what a machine that is busy with other things takes, many times over. */
export const patienceMs = 30_000;

/** Waits until `condition` gives something that is not false or undefined; fails with `what` after `timeoutMs`. */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what = "the condition", timeoutMs = patienceMs }: { what?: string; timeoutMs?: number } = {},
): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await pause(pollMs);
  }
}
