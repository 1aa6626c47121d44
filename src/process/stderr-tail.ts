/**
 * The last of what a process wrote to stderr, whatever the amount: what an error message shows. Keeps raw bytes and makes
 * text of them only when asked.
 */
import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { LineSplitter } from "../base/lines.ts";
import { formatBytes, plainText } from "../base/text.ts";

/** Lines of stderr kept of each agent, for error messages. */
export const maxTailLines = 40;
/** Bytes of stderr kept of each agent. */
export const maxTailBytes = 8 * 1024;

/** Longest line that is reported as it is. */
export const maxLineBytes = 64 * 1024;

/** Reads a process's stderr to its end, so that it never blocks on it; `onLine` hears each line as plain text. */
export function drainStderr(stderr: Readable, onLine: (line: string) => void): StderrTail {
  const tail = new StderrTail();
  const lines = new LineSplitter({
    maxLineBytes,
    onLine: (line) => onLine(plainText(stripVTControlCharacters(line))),
    onTooLong: ({ bytes }) => onLine(`(a line of ${formatBytes(bytes)} left out)`),
  });
  stderr.on("data", (chunk: Buffer) => {
    tail.push(chunk);
    lines.push(chunk);
  });
  stderr.once("end", () => lines.end());
  return tail;
}

export class StderrTail {
  #chunks: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): void {
    // A copy, because a slice would keep the whole of the chunk alive.
    const kept = Buffer.from(chunk.subarray(-maxTailBytes));
    this.#chunks.push(kept);
    this.#bytes += kept.length;
    while (this.#bytes - this.#chunks[0]!.length >= maxTailBytes) this.#bytes -= this.#chunks.shift()!.length;
  }

  /** At most 40 lines and 8 KiB, without control characters and without blank lines at either end. */
  text(): string {
    const bytes = Buffer.concat(this.#chunks).subarray(-maxTailBytes);
    let start = 0;
    // The cut may lie within a character, whose remaining bytes begin with the bits 10.
    while (start < bytes.length && (bytes[start]! & 0xc0) === 0x80) start++;
    const text = plainText(stripVTControlCharacters(bytes.toString("utf8", start)));
    return text
      .replace(/^\n+|\s+$/g, "")
      .split("\n")
      .slice(-maxTailLines)
      .join("\n");
  }
}
