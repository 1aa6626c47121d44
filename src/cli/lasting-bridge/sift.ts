/**
 * Finds, among the lines of the daemon, the few that a bridge has to know: requests and answers, which all begin as the
 * daemon's link writes them, and the daemon's own words. Most lines are notifications, and no time goes into these: a newline
 * stands in no JSON text, so that one search through the bytes finds the beginnings.
 */
import { ownLineBeginning } from "../../control/hello.ts";
import type { Head } from "./dialect.ts";

const newline = 0x0a;
const beginnings = ['{"jsonrpc":"2.0","id":', ownLineBeginning].map((text) => ({
  first: Buffer.from(text),
  later: Buffer.from(`\n${text}`),
}));

/** What is left of whole lines when each noteworthy one was shown to `keep`, which says whether it goes on. */
export function sift(lines: Buffer, keep: (line: Buffer) => boolean): Buffer[] {
  const starts = beginnings.flatMap((beginning) => startsOf(lines, beginning)).toSorted((one, other) => one - other);
  const kept: Buffer[] = [];
  let from = 0;
  for (const start of starts) {
    const end = lines.indexOf(newline, start) + 1;
    if (keep(lines.subarray(start, end))) continue;
    if (start > from) kept.push(lines.subarray(from, start));
    from = end;
  }
  if (from < lines.length) kept.push(lines.subarray(from));
  return kept;
}

function startsOf(lines: Buffer, { first, later }: (typeof beginnings)[number]): number[] {
  const starts = lines.subarray(0, first.length).equals(first) ? [0] : [];
  for (let at = lines.indexOf(later); at !== -1; at = lines.indexOf(later, at + 1)) starts.push(at + 1);
  return starts;
}

/** Enough of a line for its id. */
const headCharacters = 512;

const pattern = /^\{"jsonrpc":"2\.0","id":(-?[\d.]+(?:[eE][+-]?\d+)?|null|"(?:[^"\\]|\\.)*"),"(method|result|error)":/;

/** Undefined for a line that is neither. Reads no further than it must: answers can be of any length. */
export function headOf(line: Buffer): Head | undefined {
  const [, id, kind] =
    pattern.exec(line.toString("utf8", 0, headCharacters)) ?? pattern.exec(line.toString("utf8")) ?? [];
  return id === undefined ? undefined : { id, kind: kind === "method" ? "request" : "answer" };
}
