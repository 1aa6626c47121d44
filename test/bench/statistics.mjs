/** Numbers about lists of numbers. */

/** The value below which `share` (0–1) of the values lie. */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export const median = (values) => percentile(values, 0.5);

/** Milliseconds that `work` takes. */
export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Runs the two in turn `rounds` times, so that what else the machine does hits both alike; gives both lists. */
export async function interleaved(rounds, direct, crucible) {
  const results = { direct: [], crucible: [] };
  for (let round = 0; round < rounds; round++) {
    results.direct.push(await direct(round));
    results.crucible.push(await crucible(round));
  }
  return results;
}
