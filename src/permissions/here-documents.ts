/** Texts that a command line holds for the standard input of its commands (POSIX shell, "Here-Document"): where they end. */

/** One whose text begins with the next line. */
export interface HereDocument {
  /** The line that ends it. */
  readonly delimiter: string;
  /** Nothing in it is expanded. */
  readonly isLiteral: boolean;
  readonly stripsTabs: boolean;
}

/** `written` = the delimiter as it stands in the line, with its quotes. */
export function hereDocument(operator: "<<" | "<<-", delimiter: string, written: string): HereDocument {
  return { delimiter, isLiteral: /["'\\]/.test(written), stripsTabs: operator === "<<-" };
}

/** Where the text goes on behind these, which begin at `start`. Not clear where one has no end, or runs commands. */
export function endOfDocuments(
  text: string,
  start: number,
  documents: readonly HereDocument[],
): { end: number; isClear: boolean } {
  let [end, isClear] = [start, true];
  for (const { delimiter, isLiteral, stripsTabs } of documents) {
    let found = false;
    while (!found && end < text.length) {
      const newline = text.indexOf("\n", end);
      const line = text.slice(end, newline === -1 ? text.length : newline);
      end += line.length + 1;
      found = (stripsTabs ? line.replace(/^\t+/, "") : line) === delimiter;
      // A line that ends so goes on in the next, which then ends nothing.
      if (!isLiteral && /\$\(|`|\\$/.test(line)) isClear = false;
    }
    if (!found) isClear = false;
  }
  return { end, isClear };
}
