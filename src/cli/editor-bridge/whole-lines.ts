/**
 * A byte stream in whole lines: what has come goes on up to its last newline, and the rest when its own newline is there. So
 * neither side is ever left with half a message when the other one dies. It copies nothing that came in one piece, and knows
 * nothing of what the lines say.
 */
const newline = 0x0a;

export interface WholeLinesOptions {
  /** Longest line passed on, in bytes; a longer one is dropped. */
  maxLineBytes: number;
  /** One line or more, each with its newline. */
  onLines(lines: Buffer): void;
  onTooLong(bytes: number): void;
}

export class WholeLines {
  readonly #options: WholeLinesOptions;
  #parts: Buffer[] = [];
  #bytes = 0;

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
    return rest;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#options.maxLineBytes) this.#parts = [];
    else this.#parts.push(part);
  }

  #pass(lines: Buffer): void {
    const before = this.#bytes;
    if (before === 0) return this.#options.onLines(lines);
    const first = lines.indexOf(newline) + 1;
    const begun = this.takeRest();
    if (before + first - 1 <= this.#options.maxLineBytes) {
      return this.#options.onLines(Buffer.concat([begun, lines]));
    }
    this.#options.onTooLong(before + first - 1);
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
