/**
 * The one clock for how long things take and when they are due. Somebody can set the wall clock, and networks do; times that
 * people read or that are stored are its business (`Date.now()`), and nothing is ever decided by the difference of two of them.
 */

/**
 * Milliseconds by a clock that only goes forward, counted from the start of this process: of no meaning anywhere else. On Linux
 * it stands still while the machine sleeps.
 */
export function monotonicMs(): number {
  return performance.now();
}
