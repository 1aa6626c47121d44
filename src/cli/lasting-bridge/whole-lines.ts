/**
 * A byte stream in whole lines: what has come goes on up to its last newline, and the rest when its own newline is there. So
 * neither side is ever left with half a message when the other one dies. It copies nothing that came in one piece, and knows
 * nothing of what the lines say.
 */
import { keptEndBytes, type DroppedLine } from "../../base/lines.ts";

const newline = 0x0a;

export interface WholeLinesOptions {
  /** Longest line passed on, in bytes; a longer one is dropped. */
  maxLineBytes: number;
  /** One line or more, each with its newline. */
  onLines(lines: Buffer): void;
  onTooLong(dropped: DroppedLine): void;
}

export class WholeLines {
  readonly #options: WholeLinesOptions;
  #parts: Buffer[] = [];
  #bytes = 0;
  /** The beginning of a line that is too long already. */
  #head: Buffer | undefined;

  constructor(options: WholeLinesOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    const end = chunk.lastIndexOf(newline) + 1;
    if (end === 0) return this.#keep(chunk);
    this.#pass(chunk.subarray(0, end));
    if (end < chunk.length) this.#keep(chunk.subarray(end));
  }

  /** What is there of a line that has no end yet; it is forgotten here. */
  takeRest(): Buffer {
    const rest = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.#head = undefined;
    return rest;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    this.#parts.push(part);
    if (this.#bytes <= this.#options.maxLineBytes) return;
    this.#head ??= Buffer.concat(this.#parts, Math.min(keptEndBytes, this.#bytes));
    this.#parts = [];
  }

  #pass(lines: Buffer): void {
    const before = this.#bytes;
    if (before === 0) return this.#options.onLines(lines);
    const first = lines.indexOf(newline) + 1;
    const head = this.#head;
    const begun = this.takeRest();
    if (before + first - 1 <= this.#options.maxLineBytes) {
      return this.#options.onLines(Buffer.concat([begun, lines]));
    }
    const shown = (bytes: Buffer): string => bytes.toString("utf8");
    this.#options.onTooLong({
      bytes: before + first - 1,
      head: shown((head ?? begun).subarray(0, keptEndBytes)),
      tail: shown(lines.subarray(Math.max(0, first - keptEndBytes), first)),
    });
    if (first < lines.length) this.#options.onLines(lines.subarray(first));
  }
}

/** Each line of some whole lines, with its newline. */
export function* eachLine(lines: Buffer): Generator<Buffer> {
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(newline, start) + 1;
    yield lines.subarray(start, end);
    start = end;
  }
}
