/**
 * Splits a byte stream into lines ended by "\n", whatever the chunking. A line longer than the limit is dropped as a whole
 * and reported once, so that one flood cannot take the memory nor end the stream. Knows nothing of JSON.
 */
const newline = 0x0a;

/** What is kept of a line that is dropped, of each of its ends, in bytes. */
export const keptEndBytes = 4096;

/** A line that was dropped. */
export interface DroppedLine {
  bytes: number;
  /** Its first and its last bytes, as text; a character that was cut in two is lost. */
  head: string;
  tail: string;
}

/** What is left of a line that is dropped. */
export function endsOf(line: string): DroppedLine {
  return { bytes: Buffer.byteLength(line), head: line.slice(0, keptEndBytes), tail: line.slice(-keptEndBytes) };
}

export interface LineSplitterOptions {
  /** Longest line kept, in bytes. */
  maxLineBytes: number;
  onLine(line: string): void;
  /** A line of more than the limit was dropped; called when its end was seen. */
  onTooLong(dropped: DroppedLine): void;
}

export class LineSplitter {
  readonly #options: LineSplitterOptions;
  #parts: Buffer[] = [];
  #pendingBytes = 0;
  /** Of a line that is too long already; of its parts only the end is kept then. */
  #head: Buffer | undefined;

  constructor(options: LineSplitterOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    const firstEnd = chunk.indexOf(newline);
    if (firstEnd === -1) return this.#append(chunk);
    this.#append(chunk.subarray(0, firstEnd));
    this.#finishLine();

    // All further whole lines are decoded at once: a newline never stands inside a character, and decoding is what costs.
    const lastEnd = chunk.lastIndexOf(newline);
    if (lastEnd > firstEnd) this.#wholeLines(chunk.subarray(firstEnd + 1, lastEnd));
    if (lastEnd + 1 < chunk.length) this.#append(chunk.subarray(lastEnd + 1));
  }

  #wholeLines(bytes: Buffer): void {
    const options = this.#options;
    const { maxLineBytes } = options;
    for (const line of bytes.toString("utf8").split("\n")) {
      // Characters bound bytes from below; only where that does not decide are the bytes counted.
      const tooLong = line.length * 3 > maxLineBytes && Buffer.byteLength(line) > maxLineBytes;
      if (tooLong) options.onTooLong(endsOf(line));
      else options.onLine(line);
    }
  }

  /** The stream ended: what is left without a newline is a line too. */
  end(): void {
    if (this.#pendingBytes > 0) this.#finishLine();
  }

  #append(part: Buffer): void {
    this.#pendingBytes += part.length;
    if (part.length > 0) this.#parts.push(part);
    if (this.#pendingBytes > this.#options.maxLineBytes) this.#keepEnds();
  }

  #keepEnds(): void {
    const parts = this.#parts;
    this.#head ??= Buffer.concat(parts, Math.min(keptEndBytes, this.#pendingBytes));
    const last = parts.at(-1)!;
    const short = last.length >= keptEndBytes ? last : Buffer.concat(parts.slice(-16));
    // A copy: a view would hold on to all of it.
    this.#parts = [Buffer.from(short.subarray(-keptEndBytes))];
  }

  #finishLine(): void {
    const bytes = this.#pendingBytes;
    const parts = this.#parts;
    const head = this.#head;
    this.#parts = [];
    this.#head = undefined;
    this.#pendingBytes = 0;
    if (head) {
      const tail = Buffer.concat(parts).toString("utf8");
      return this.#options.onTooLong({ bytes, head: head.toString("utf8"), tail });
    }
    const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    this.#options.onLine(line.toString("utf8"));
  }
}
