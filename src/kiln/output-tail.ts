/** The end of what a command prints, within a number of bytes, as text that begins and ends with whole characters. */

export class OutputTail {
  readonly #maxBytes: number;
  /** Twice as large as what is kept of it at most, so that it is moved together seldom. */
  #buffer = Buffer.alloc(0);
  #length = 0;
  #dropped = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    const fitting = chunk.subarray(Math.max(0, chunk.length - this.#maxBytes));
    if (this.#length + fitting.length > 2 * this.#maxBytes) this.#forget(this.#maxBytes - fitting.length);
    this.#dropped ||= fitting.length < chunk.length;
    const needed = this.#length + fitting.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(2 * this.#maxBytes, Math.max(needed, 2 * this.#buffer.length)));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    fitting.copy(this.#buffer, this.#length);
    this.#length = needed;
  }

  /** At most `maxBytes` bytes of UTF-8; a character that has not arrived whole is not in it yet. */
  read(): { output: string; truncated: boolean } {
    const start = Math.max(0, this.#length - this.#maxBytes);
    const truncated = this.#dropped || start > 0;
    const bytes = this.#buffer.subarray(0, this.#length);
    const end = bytes.subarray(truncated ? wholeFrom(bytes, start) : 0);
    return { output: end.toString("utf8", 0, wholeUntil(end)), truncated };
  }

  #forget(keptBytes: number): void {
    this.#buffer.copyWithin(0, this.#length - keptBytes, this.#length);
    this.#length = keptBytes;
    this.#dropped = true;
  }
}

/** Bytes of a character after its first begin with the bits 10. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function wholeFrom(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && at < start + 3 && isContinuation(bytes[at])) at++;
  return at;
}

function wholeUntil(bytes: Buffer): number {
  let at = bytes.length - 1;
  while (at >= 0 && at > bytes.length - 4 && isContinuation(bytes[at])) at--;
  const first = bytes[at] ?? 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return at >= 0 && at + length > bytes.length ? at : bytes.length;
}
