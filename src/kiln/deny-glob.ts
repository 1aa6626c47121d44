/**
 * Patterns of `[kiln] deny`. They err on the side of refusing: a pattern that is not absolute fits at any depth, one that fits
 * a folder fits all below it, and names are compared as the most forgiving file systems compare them, so that no other spelling
 * of a name gets past on a volume that takes both for the same.
 */
import { join } from "node:path";
import picomatch from "picomatch";
import { expandHome } from "../base/paths.ts";
import type { DenyGlob } from "../sessions/kiln.ts";
import { realIfKnown } from "./real-path.ts";

export function denyGlob(pattern: string): DenyGlob {
  const wanted = expandHome(pattern).replace(/\/+$/, "");
  const globs = wanted.startsWith("/") ? [wanted, withRealBase(wanted)] : [`**/${wanted.replace(/^(?:\.?\/)+/, "")}`];
  const withAllBelow = globs.flatMap((glob) => [glob, `${glob}/**`]).map(folded);
  const matches = picomatch(withAllBelow, { dot: true, nonegate: true });
  return { pattern, matches: (path) => matches(folded(path)) };
}

/** The first pattern that forbids the path. */
export function denyingPattern(deny: readonly DenyGlob[], path: string): string | undefined {
  return deny.find(({ matches }) => matches(path))?.pattern;
}

/** The folders a pattern begins with may be links, and paths are compared by where they really lie. */
function withRealBase(glob: string): string {
  const { base, glob: rest } = picomatch.scan(glob);
  const real = realIfKnown(base).replace(/[\\*?[\]{}()!+@|^$]/g, String.raw`\$&`);
  return rest === "" ? real : join(real, rest);
}

/**
 * One spelling for all that some volume takes for the same name: capitals and small letters, composed and decomposed ones,
 * characters nobody sees, dots and spaces at the end. Line breaks, which patterns would stop at, become letters.
 */
function folded(path: string): string {
  return path
    .normalize("NFD")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFC")
    .replace(/[\n\r\u2028\u2029]/g, "_")
    .replace(/(?<=[^/.\s])[. ]+(?=\/|$)/g, "");
}
