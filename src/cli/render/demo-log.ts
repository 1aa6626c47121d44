/** The log that `crucible demo` prints: when, who, what. */
import { monotonicMs } from "../../base/clock.ts";
import { plainText } from "../../base/text.ts";
import type { Style } from "./style.ts";
import { displayWidth } from "./table.ts";

export interface DemoLog {
  /** One thing that happened; further lines of the text stand below the first. */
  row(who: string, text: string): void;
  /** A heading, and a text below it. */
  section(heading: string, text: string): void;
}

const whoWidth = 9;

export interface DemoLogOptions {
  style: Style;
  /** Longest line, where words allow it. */
  columns: number;
  write: (text: string) => void;
}

export function createDemoLog({ style, columns, write }: DemoLogOptions): DemoLog {
  const startedAt = monotonicMs();
  const margin = " ".repeat(`0.00 s  ${" ".repeat(whoWidth)}  `.length);
  return {
    row(who, text) {
      const seconds = ((monotonicMs() - startedAt) / 1000).toFixed(2);
      const lines = plainText(text).trimEnd().split("\n");
      const [first = "", ...rest] = lines.flatMap((line) => wrapped(line, columns - margin.length));
      const below = rest.map((line) => `${margin}${line}`.trimEnd());
      write(
        `${[`${style.dim(`${seconds} s`)}  ${style.bold(plainText(who).padEnd(whoWidth))}  ${first}`, ...below].join("\n")}\n`,
      );
    },
    section(heading, text) {
      const lines = plainText(text).trimEnd().split("\n");
      write(`\n${style.accent(plainText(heading))}\n${lines.map((line) => `  ${line}`.trimEnd()).join("\n")}\n`);
    },
  };
}

/** A line as lines of at most that many columns; a longer word stays whole. */
function wrapped(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(" ")) {
    const longer = current === "" ? word : `${current} ${word}`;
    if (current !== "" && displayWidth(longer) > columns) {
      lines.push(current);
      current = word;
    } else current = longer;
  }
  return [...lines, current];
}
