/**
 * What became of files, put together from pieces: diffs that an agent shows of its edits, and files it wrote through Crucible.
 * Counts added and removed lines and makes unified diffs, both within bounds of time and size. Reads no file itself.
 */
import { structuredPatch, type StructuredPatch } from "diff";
import { monotonicMs } from "../base/clock.ts";

/** Text of one file kept for its diff, in characters of old and new text together. */
export const maxComparedCharacters = 512 * 1024;

/** The same for all files of one delegation. */
export const maxAllComparedCharacters = 8 * 1024 * 1024;

/** Longest diff of one file that is handed on, in characters. */
export const maxDiffCharacters = 4 * 1024;

/** Time to compare one piece, in milliseconds; what takes longer counts as replaced. */
export const compareTimeoutMs = 200;

/** One change as it was shown: texts, or their counts where they were too long to keep. `oldText` null = a new file. */
export type Change =
  | { readonly oldText: string | null; readonly newText: string }
  | { readonly added: number; readonly removed: number };

export interface FileDiff {
  added: number;
  removed: number;
  /** Absent where the texts were too long to compare, and where nothing is different. */
  diff?: string;
}

/** A later change is joined to an earlier one that it goes on from; others stay side by side. */
function joinChanges(changes: readonly Change[]): Change[] {
  const joined: Change[] = [];
  for (const change of changes) {
    const last = joined.at(-1);
    const goesOn = last && "newText" in last && "newText" in change && last.newText === change.oldText;
    if (goesOn) joined[joined.length - 1] = { oldText: last.oldText, newText: change.newText };
    else joined.push(change);
  }
  return joined;
}

/** The lines of both sides that are not the same at their beginning and end: cheap, and never less than a true diff. */
export function roughCounts(oldText: string | null, newText: string): { added: number; removed: number } {
  const before = linesOf(oldText ?? "");
  const after = linesOf(newText);
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return { added: after.length - head - tail, removed: before.length - head - tail };
}

/** Changes with one more; of those that are only counted one stays. */
export function withCounts(changes: readonly Change[], change: Change): Change[] {
  const last = changes.at(-1);
  if (!last || "newText" in last || "newText" in change) return [...changes, change];
  return [...changes.slice(0, -1), { added: last.added + change.added, removed: last.removed + change.removed }];
}

/** All changes of one file, `path` as it shall stand in the diff. Compares nothing after `deadline` (of base/clock.ts). */
export function diffOf(path: string, changes: readonly Change[], deadline: number): FileDiff {
  const pieces = joinChanges(changes).map((change) => comparedPiece(path, change, deadline));
  const added = pieces.reduce((sum, piece) => sum + piece.added, 0);
  const removed = pieces.reduce((sum, piece) => sum + piece.removed, 0);
  const hunks = pieces.flatMap(({ patch }) => patch?.hunks ?? []);
  if (hunks.length === 0 || pieces.some(({ patch }) => !patch)) return { added, removed };
  const isNew = changes[0] !== undefined && "oldText" in changes[0] && changes[0].oldText === null;
  const names = `--- ${isNew ? "/dev/null" : `a/${path}`}\n+++ b/${path}\n`;
  return { added, removed, diff: shortened(names + hunks.map(hunkText).join("")) };
}

interface Piece {
  added: number;
  removed: number;
  patch?: StructuredPatch | undefined;
}

function comparedPiece(path: string, change: Change, deadline: number): Piece {
  if (!("newText" in change)) return change;
  const { oldText, newText } = change;
  const timeout = Math.min(compareTimeoutMs, deadline - monotonicMs());
  const options = { context: 3, timeout };
  const patch = timeout > 0 ? structuredPatch(path, path, oldText ?? "", newText, "", "", options) : undefined;
  return { ...(patch ? countsOf(patch) : roughCounts(oldText, newText)), patch };
}

function countsOf({ hunks }: StructuredPatch): { added: number; removed: number } {
  const lines = hunks.flatMap((hunk) => hunk.lines);
  return {
    added: lines.filter((line) => line.startsWith("+")).length,
    removed: lines.filter((line) => line.startsWith("-")).length,
  };
}

function hunkText({ oldStart, oldLines, newStart, newLines, lines }: StructuredPatch["hunks"][number]): string {
  return [`@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@`, ...lines, ""].join("\n");
}

// Where a side has no lines, the line before them is named.
function range(start: number, lines: number): string {
  return `${lines === 0 ? start - 1 : start},${lines}`;
}

function shortened(diff: string): string {
  if (diff.length <= maxDiffCharacters) return diff;
  const end = diff.lastIndexOf("\n", maxDiffCharacters) + 1;
  const kept = diff.slice(0, end);
  const left = linesOf(diff.slice(end)).length;
  return `${kept}[… ${left} more lines …]\n`;
}

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
