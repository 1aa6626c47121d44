/**
 * What came from a peer and is not handed over yet: its lines, in the order of the wire. Whoever receives one can have the next wait
 * for a turn of the event loop, and others can have all of them wait. Nothing is read while anything waits, so that nothing piles up.
 *
 * States: open → ended (all that came is still handed over) → over.
 */
import type { Readable } from "node:stream";
import { isDeeperThan } from "../base/json-depth.ts";
import { endsOf, LineSplitter, type DroppedLine } from "../base/lines.ts";
import { formatBytes } from "../base/text.ts";
import type { Amount } from "./traffic.ts";

/** Messages handed over before other work gets its turn. */
const maxMessagesPerTurn = 1000;

/** Deepest nesting of a message's JSON. What is nested deeper could not be written again, to be stored or shown later. */
export const maxMessageDepth = 1000;

const tooDeep = `was dropped; at most ${maxMessageDepth} levels of JSON are taken`;

/** What is left of a message that is not taken. */
export interface DroppedMessage extends DroppedLine {
  /** Behind its name, the rest of a sentence without its full stop. */
  readonly why: string;
}

export interface InboxParts {
  input: Readable;
  /** Longest line taken, in bytes. */
  maxLineBytes: number;
  /** Has what came counted in. */
  received: Amount;
  /** Takes the next one; a line that was too long or too deep comes as what is left of it. */
  receive: (line: string | DroppedMessage) => void;
  /** The input has ended, and all that came was handed over. */
  onOver: () => void;
}

export class Inbox {
  readonly #parts: InboxParts;
  readonly #splitter: LineSplitter;
  #lines: (string | DroppedMessage)[] = [];
  #isDelivering = false;
  #isHeld = false;
  #pauses = 0;
  #hasEnded = false;
  #isClosed = false;

  constructor(parts: InboxParts) {
    this.#parts = parts;
    const { input, maxLineBytes, received } = parts;
    this.#splitter = new LineSplitter({
      maxLineBytes,
      onLine: (line) => {
        received.messages++;
        this.#lines.push(isDeeperThan(line, maxMessageDepth) ? { ...endsOf(line), why: tooDeep } : line);
      },
      onTooLong: (dropped) => {
        const why = `of ${formatBytes(dropped.bytes)} was dropped; at most ${formatBytes(maxLineBytes)} are taken`;
        this.#lines.push({ ...dropped, why });
      },
    });
    input.on("data", (chunk: Buffer) => {
      received.bytes += chunk.length;
      this.#splitter.push(chunk);
      if (!this.#isHeld) this.#deliver();
      this.#regulate();
    });
    input.once("end", () => this.end());
    input.once("close", () => this.end());
    input.once("error", () => this.end());
  }

  /** Nothing more comes. What arrived before is still handed over, in order. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#splitter.end();
    this.#deliver();
  }

  /** Has the next message wait for a later turn of the event loop. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    setImmediate(() => {
      this.#isHeld = false;
      this.#deliver();
      this.#regulate();
    });
  }

  /** Has everything wait until `resume` was called as often. */
  pause(): void {
    this.#pauses++;
    this.#regulate();
  }

  resume(): void {
    if (this.#pauses === 0 || --this.#pauses > 0) return;
    this.#deliver();
    this.#regulate();
  }

  /** Hands nothing over any more. */
  close(): void {
    this.#isClosed = true;
    this.#lines = [];
  }

  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    let at = 0;
    const end = Math.min(this.#lines.length, maxMessagesPerTurn);
    for (; at < end && !this.#isHeld && this.#pauses === 0 && !this.#isClosed; at++) {
      this.#parts.receive(this.#lines[at]!);
    }
    this.#lines = at >= this.#lines.length ? [] : this.#lines.slice(at);
    this.#isDelivering = false;
    // Others want their turn, too.
    if (at === maxMessagesPerTurn && this.#lines.length > 0) this.hold();
    // What can be answered at once still is: a peer that has said all it wanted may well be listening.
    if (this.#hasEnded && this.#lines.length === 0 && !this.#isHeld) setImmediate(() => this.#parts.onOver());
  }

  #regulate(): void {
    const { input } = this.#parts;
    const mustWait = this.#pauses > 0 || this.#lines.length > 0;
    if (mustWait === input.isPaused()) return;
    if (mustWait) input.pause();
    else input.resume();
  }
}
