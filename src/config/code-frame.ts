/**
 * Shows where in a text something stands: line and column, and the lines around it with a mark under it. Secrets in those
 * lines are not shown, nor anything a terminal would obey.
 */
import { redacted, secretRanges, type TextRange } from "../base/secrets.ts";
import { plainText } from "../base/text.ts";

export interface LinePosition {
  /** Both count from 1; a column is one character (code point). */
  readonly line: number;
  readonly column: number;
}

const linesAround = 2;
const maxLineLength = 160;

/** Line and column of an offset in UTF-16 units. */
export function linePosition(text: string, offset: number): LinePosition {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  return { line, column: Array.from(before.slice(lineStart)).length + 1 };
}

/** The offset of a line and a column in UTF-16 units, both counted from 1; the inverse of what the parser reports. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let at = 1; at < line; at++) start = text.indexOf("\n", start) + 1;
  return Math.min(start + column - 1, text.length);
}

/** The lines around a range, numbered, with carets under the range's part on its first line. */
export function codeFrame(text: string, range: TextRange): string {
  const { line } = linePosition(text, range.start);
  const lines = lineRanges(text);
  const first = Math.max(1, line - linesAround);
  const last = Math.min(lines.length, line + linesAround);
  const secrets = secretRanges(text);
  const numberWidth = String(last).length;

  const shown: string[] = [];
  for (let number = first; number <= last; number++) {
    const lineRange = lines[number - 1]!;
    const marked = shownLine(text, { line: lineRange, mark: number === line ? range : undefined, secrets });
    shown.push(`${String(number).padStart(numberWidth)} | ${marked.text}`.trimEnd());
    if (number === line)
      shown.push(`${" ".repeat(numberWidth)} | ${" ".repeat(marked.before)}${"^".repeat(marked.width)}`);
  }
  return shown.join("\n");
}

interface ShownLine {
  text: string;
  /** Columns before the mark, and its width. */
  before: number;
  width: number;
}

function shownLine(
  text: string,
  options: { line: TextRange; mark: TextRange | undefined; secrets: readonly TextRange[] },
): ShownLine {
  const { line, secrets } = options;
  const mark = options.mark ?? { start: line.start, end: line.start };
  const display = (start: number, end: number) => displayed(text, { start, end }, secrets);
  const markEnd = Math.min(Math.max(mark.end, mark.start), line.end);
  const before = display(line.start, mark.start);
  const marked = display(mark.start, markEnd);
  const after = display(markEnd, line.end);
  return clipped({ before, marked, after });
}

/** A range of the text as it is printed: secrets replaced, tabs as one space, so that columns fit. */
function displayed(text: string, range: TextRange, secrets: readonly TextRange[]): string {
  let shown = "";
  let copiedTo = range.start;
  for (const secret of secrets) {
    if (secret.end <= range.start || secret.start >= range.end) continue;
    shown += text.slice(copiedTo, Math.max(secret.start, copiedTo)) + redacted;
    copiedTo = secret.end;
  }
  if (copiedTo < range.end) shown += text.slice(copiedTo, range.end);
  return plainText(shown.replaceAll("\t", " "));
}

/** Cuts a long line to a window around the mark. */
function clipped(line: { before: string; marked: string; after: string }): ShownLine {
  const marked = Array.from(line.marked).slice(0, maxLineLength / 2);
  const allBefore = Array.from(line.before);
  const before = allBefore.slice(-maxLineLength / 2);
  if (before.length < allBefore.length) before[0] = "…";
  const rest = Array.from(line.marked).slice(marked.length).concat(Array.from(line.after));
  const room = Math.max(0, maxLineLength - before.length - marked.length);
  const after = rest.length > room ? [...rest.slice(0, room), "…"] : rest;
  return {
    text: [...before, ...marked, ...after].join(""),
    before: before.length,
    width: Math.max(1, marked.length),
  };
}

function lineRanges(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  let start = 0;
  for (const line of text.split("\n")) {
    const end = start + line.length;
    ranges.push({ start, end: line.endsWith("\r") ? end - 1 : end });
    start = end + 1;
  }
  if (ranges.length > 1 && text.endsWith("\n")) ranges.pop();
  return ranges;
}
