/**
 * Columns of text, each as wide as its widest cell. Knows nothing of colour: cells are painted after they were padded. Whatever
 * a cell says, it stays one line and commands no terminal.
 */
import { plainText } from "../../base/text.ts";

export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** One line for each row, cells two spaces apart, the last one not padded. */
export function tableLines(cells: readonly (readonly Cell[])[]): string[] {
  const rows = cells.map((row) => row.map((cell) => ({ ...cell, text: plainText(cell.text).replaceAll("\n", " ") })));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach(({ text }, column) => (widths[column] = Math.max(widths[column] ?? 0, displayWidth(text))));
  }
  return rows.map((row) =>
    row
      .map(({ text, paint = unpainted }, column) => {
        const isLast = column === row.length - 1;
        return paint(text) + (isLast ? "" : " ".repeat((widths[column] ?? 0) - displayWidth(text)));
      })
      .join("  ")
      .trimEnd(),
  );
}

function unpainted(text: string): string {
  return text;
}

const wide =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^\p{Extended_Pictographic}/u;
const zeroWidth = /^(?:\p{Mark}|[\u200b-\u200d])/u;

/** Columns a text takes on a terminal: East Asian wide characters and emoji take two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (!zeroWidth.test(character)) width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** The text cut to that many columns, with `…` where something was left out. */
export function clipped(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let width = 1;
  for (const character of text) {
    width += displayWidth(character);
    if (width > columns) break;
    kept += character;
  }
  return columns < 1 ? "" : `${kept}…`;
}
