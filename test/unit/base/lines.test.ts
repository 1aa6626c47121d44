/** What is left of a line that is too long to be kept. */
import { expect, test } from "vitest";
import { keptEndBytes, LineSplitter, type DroppedLine } from "../../../src/base/lines.ts";

test.each([7, 1000, 3 * keptEndBytes, 1024 * 1024])(
  "of a line that is too long both ends are kept, so much and no more, in chunks of %i bytes",
  (chunkBytes) => {
    const dropped: DroppedLine[] = [];
    const lines: string[] = [];
    const splitter = new LineSplitter({
      maxLineBytes: 3 * keptEndBytes,
      onLine: (line) => lines.push(line),
      onTooLong: (line) => dropped.push(line),
    });
    const text = Array.from({ length: 20_000 }, (_, index) => String(index)).join(" ");
    const bytes = Buffer.from(`before\n${text}\nafter\n`);
    for (let at = 0; at < bytes.length; at += chunkBytes) splitter.push(bytes.subarray(at, at + chunkBytes));
    expect(dropped).toEqual([
      { bytes: text.length, head: text.slice(0, keptEndBytes), tail: text.slice(-keptEndBytes) },
    ]);
    expect(lines).toEqual(["before", "after"]);
  },
);
