/**
 * What goes out to a peer, a message a line: all of one turn of the event loop in one write, since a write is what costs. Tells
 * when more was written than the peer takes.
 */
import type { Writable } from "node:stream";
import type { Traffic } from "./traffic.ts";

export class Outbox {
  readonly #output: Writable;
  readonly #sent: Traffic["sent"];
  #lines: string[] = [];
  #isScheduled = false;
  #isCongested = false;
  #isClosed = false;
  #pressureListener: ((congested: boolean) => void) | undefined;

  constructor(output: Writable, sent: Traffic["sent"]) {
    this.#output = output;
    this.#sent = sent;
    output.on("drain", () => this.#pressure(false));
  }

  /** Whether more was written than the peer has taken. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** Hears `true` when more was written than the peer takes, and `false` when it has caught up. */
  onPressure(listener: (congested: boolean) => void): void {
    this.#pressureListener = listener;
  }

  send(message: object): void {
    // Nobody pays for the text of what will not go out.
    if (!this.#isClosed) this.write(JSON.stringify(message));
  }

  write(line: string): void {
    if (this.#isClosed) return;
    this.#lines.push(line);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // A tick that is asked for in a microtask comes when none is left: all who awaited what came have said what they say to it.
    queueMicrotask(() =>
      process.nextTick(() => {
        this.#isScheduled = false;
        this.#flush();
      }),
    );
  }

  /** Takes no more. What was written before still goes out. */
  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#output.end();
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    const text = `${this.#lines.join("\n")}\n`;
    const messages = this.#lines.length;
    this.#lines = [];
    if (!this.#output.writable) return;
    this.#sent.messages += messages;
    this.#sent.bytes += Buffer.byteLength(text);
    if (!this.#output.write(text)) this.#pressure(true);
  }

  #pressure(congested: boolean): void {
    if (congested === this.#isCongested) return;
    this.#isCongested = congested;
    this.#pressureListener?.(congested);
  }
}
