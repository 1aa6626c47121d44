/** One line of "what is done now" on a terminal, replaced in place; on a pipe nothing. */
import { oneLine } from "../../base/text.ts";
import { clipped } from "./table.ts";

export interface ProgressLine {
  say(text: string): void;
  clear(): void;
}

export function showProgress(stream: NodeJS.WriteStream): ProgressLine {
  let shown = false;
  const eraseLine = "\r\u001b[K";
  return {
    say(text) {
      if (!stream.isTTY || process.env["TERM"] === "dumb") return;
      shown = true;
      stream.write(eraseLine + clipped(oneLine(text, 500), (stream.columns || 80) - 1));
    },
    clear() {
      if (shown) stream.write(eraseLine);
      shown = false;
    },
  };
}
