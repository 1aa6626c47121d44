/**
 * Waiting with an end. One helper for "this promise, but no longer than that", so that no timer is left behind
 * and nobody writes the race again.
 */

/** Marks that the time ran out; a value and not an error, because the caller decides what it means. */
export const timedOut: unique symbol = Symbol("timed out");

/**
 * Resolves to what `promise` gives, or to `timedOut` after `timeoutMs` milliseconds. Rejects as `promise` does, and with the
 * signal's reason when it aborts first. The promise itself goes on; a later rejection of it is not reported again.
 */
export async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<T | typeof timedOut> {
  promise.catch(() => {});
  signal?.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<typeof timedOut>((resolve, reject) => {
        if (Number.isFinite(timeoutMs)) timer = setTimeout(() => resolve(timedOut), timeoutMs);
        onAbort = () => reject(signal?.reason);
        signal?.addEventListener("abort", onAbort, { once: true });
      }),
    ]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
  }
}
