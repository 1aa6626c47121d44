/**
 * Messages on their way into the store: collected in memory and written in batches, so that a relay that carries hundreds of
 * thousands a second does not wait for a disk. It knows no database: what it hands over is written by its owner.
 */
import type { NewMessage } from "./records.ts";
import { Segment } from "./segment.ts";

/** Longest time a message waits to be written, in milliseconds. */
export const writeDelayMs = 250;

/** Messages collected before they are written without waiting, in characters. */
export const maxCollectedCharacters = 1024 * 1024;

/** Sessions whose last stretch is kept in memory to be continued; of others a new one begins. */
export const maxOpenSegments = 1000;

export interface UnwrittenOptions {
  /** The number of the last message that is written of a session; 0 if none is. */
  lastNumber: (sessionId: string) => number;
  /** Writes all of them, replacing those that are there. Must not throw. */
  write: (segments: readonly Segment[]) => void;
}

export class Unwritten {
  readonly #options: UnwrittenOptions;
  /** The stretch of each session that still grows; the one touched last is the last. */
  readonly #open = new Map<string, Segment>();
  #full: Segment[] = [];
  #collected = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: UnwrittenOptions) {
    this.#options = options;
  }

  add(message: NewMessage): void {
    const segment = this.#open.get(message.sessionId) ?? this.#begin(message.sessionId);
    const before = segment.characters;
    segment.add(message);
    this.#collected += segment.characters - before;
    if (segment.isFull) {
      this.#open.delete(message.sessionId);
      this.#full.push(segment);
    }
    if (this.#collected >= maxCollectedCharacters) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), writeDelayMs).unref();
  }

  /** Writes what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#full, ...[...this.#open.values()].filter(({ isDirty }) => isDirty)];
    this.#full = [];
    this.#collected = 0;
    if (waiting.length === 0) return;
    for (const segment of waiting) segment.isDirty = false;
    this.#options.write(waiting);
  }

  /** Writes what waits and forgets where the session stood. */
  ended(sessionId: string): void {
    this.flush();
    this.#open.delete(sessionId);
  }

  #begin(sessionId: string): Segment {
    if (this.#open.size >= maxOpenSegments) {
      this.flush();
      const [oldest] = this.#open.keys();
      if (oldest !== undefined) this.#open.delete(oldest);
    }
    const unwritten = this.#full.findLast((segment) => segment.sessionId === sessionId);
    const segment = new Segment(sessionId, (unwritten?.last ?? this.#options.lastNumber(sessionId)) + 1);
    this.#open.set(sessionId, segment);
    return segment;
  }
}
