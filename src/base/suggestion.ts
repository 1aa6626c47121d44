/** "Did you mean": the known name nearest to one that is not known. */
import { distance } from "fastest-levenshtein";

/** The nearest of `known`, or undefined when none is near. Case and the kind of word separator do not count. */
export function nearestName(unknown: string, known: Iterable<string>): string | undefined {
  const wanted = bare(unknown);
  const farthest = Math.max(1, Math.floor(wanted.length / 3));
  let nearest: { name: string; steps: number } | undefined;
  for (const name of known) {
    const steps = distance(wanted, bare(name));
    if (steps <= farthest && (!nearest || steps < nearest.steps)) nearest = { name, steps };
  }
  return nearest?.name;
}

/** `; did you mean "x"?`, or nothing when no name is near. */
export function didYouMean(unknown: string, known: Iterable<string>): string {
  const name = nearestName(unknown, known);
  return name === undefined ? "" : `; did you mean "${name}"?`;
}

// max-depth, maxDepth and MAX_DEPTH are all somebody's way of writing max_depth.
function bare(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "");
}
