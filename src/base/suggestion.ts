/** "Did you mean": the known name nearest to one that is not known. */
import { distance } from "fastest-levenshtein";

/** The nearest of `known`, or undefined when none is near. Case and the kind of word separator do not count. */
export function nearestName(unknown: string, known: Iterable<string>): string | undefined {
  const wanted = bare(unknown);
  const farthest = Math.max(1, Math.floor(wanted.length / 3));
  let nearest: { name: string; steps: number } | undefined;
  for (const name of known) {
    const steps = stepsBetween(wanted, bare(name));
    if (steps <= farthest && (!nearest || steps < nearest.steps)) nearest = { name, steps };
  }
  return nearest?.name;
}

/** `; did you mean "x"?`, or nothing when no name is near. */
export function didYouMean(unknown: string, known: Iterable<string>): string {
  const name = nearestName(unknown, known);
  return name === undefined ? "" : `; did you mean "${name}"?`;
}

/** Two letters that changed places are one slip of the fingers. */
function stepsBetween(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  const swapped = one.slice(0, at) + one.slice(at + 1, at + 2) + one.slice(at, at + 1) + one.slice(at + 2);
  return one !== other && swapped === other ? 1 : distance(one, other);
}

// max-depth, maxDepth and MAX_DEPTH are all somebody's way of writing max_depth.
function bare(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "");
}
