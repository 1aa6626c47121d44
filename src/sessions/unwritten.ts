/**
 * Messages on their way into the store, collected in memory so that they can be written in batches: a relay that carries
 * hundreds of thousands a second must not wait for a disk at each. It knows neither a database nor a clock.
 */
import type { NewMessage } from "./records.ts";
import { Segment } from "./segment.ts";

/** Messages collected before they are written without waiting, in characters. */
export const maxCollectedCharacters = 1024 * 1024;

/** Sessions whose last stretch is kept in memory to be continued; of others a new one begins. */
export const maxOpenSegments = 1000;

export class Unwritten {
  readonly #lastNumber: (sessionId: string) => number;
  /** The stretch of each session that still grows. */
  readonly #open = new Map<string, Segment>();
  #full: Segment[] = [];
  #collected = 0;

  /** `lastNumber` gives the number of the last message that is written of a session; 0 if none is. */
  constructor(lastNumber: (sessionId: string) => number) {
    this.#lastNumber = lastNumber;
  }

  /** Whether it has collected as much as it should hold. */
  get isFull(): boolean {
    return this.#collected >= maxCollectedCharacters || this.#open.size > maxOpenSegments;
  }

  add(message: NewMessage): void {
    const segment = this.#open.get(message.sessionId) ?? this.#begin(message.sessionId);
    const before = segment.characters;
    segment.add(message);
    this.#collected += segment.characters - before;
    if (!segment.isFull) return;
    this.#open.delete(message.sessionId);
    this.#full.push(segment);
  }

  /** What has to be written now, each stretch in the place of what was written of it before. */
  take(): Segment[] {
    const taken = [...this.#full, ...[...this.#open.values()].filter(({ isDirty }) => isDirty)];
    for (const segment of taken) segment.isDirty = false;
    if (this.#open.size > maxOpenSegments) this.#open.clear();
    this.#full = [];
    this.#collected = 0;
    return taken;
  }

  /**
   * What of one session has to be written now. What follows begins a new stretch: so whoever writes often writes little, and
   * nothing twice.
   */
  cut(sessionId: string): Segment[] {
    const open = this.#open.get(sessionId);
    const taken = this.#full.filter((segment) => segment.sessionId === sessionId);
    this.#full = this.#full.filter((segment) => segment.sessionId !== sessionId);
    if (open?.isDirty) taken.push(open);
    if (open) this.#open.set(sessionId, new Segment(sessionId, open.last + 1));
    return taken;
  }

  /** Forgets a session of which everything is written. */
  forget(sessionId: string): void {
    this.#open.delete(sessionId);
  }

  #begin(sessionId: string): Segment {
    const unwritten = this.#full.findLast((segment) => segment.sessionId === sessionId);
    const segment = new Segment(sessionId, (unwritten?.last ?? this.#lastNumber(sessionId)) + 1);
    this.#open.set(sessionId, segment);
    return segment;
  }
}
