/**
 * The delegations of one session that wait for a free place, first come, first served. Bounded in number and in text, so that no
 * agent fills the daemon's memory with tasks. It does not know what a delegation is.
 */
import PQueue from "p-queue";
import { delegationLimit } from "./errors.ts";

/** Delegations of one session that may wait for a free place. */
export const maxQueuedDelegations = 1000;

/** Text of those that wait, in characters, tasks, contexts and conversations together; with more than that no further one is taken. */
export const maxQueuedCharacters = 32 * 1024 * 1024;

export interface Waiting {
  /** Aborts once it is to end early. */
  readonly stopping: AbortSignal;
  /** Text it keeps until it runs. */
  readonly characters: number;
  announceQueued(): void;
  /** Runs it to its end, once however often it is called. Never rejects. */
  run(): Promise<void>;
}

export class WaitingLine {
  readonly #queue = new PQueue();
  readonly #waiting = new Set<Waiting>();

  /** Throws CRU_DELEGATION_LIMIT when no further one may wait; `caller` is the name for the message. */
  requireRoom(caller: string): void {
    const characters = [...this.#waiting].reduce((sum, one) => sum + one.characters, 0);
    const what =
      this.#waiting.size >= maxQueuedDelegations
        ? `${this.#waiting.size} delegations of ${caller} wait already`
        : characters > maxQueuedCharacters
          ? `${this.#waiting.size} delegations of ${caller} wait already, with ${characters} characters of text`
          : undefined;
    if (what !== undefined) throw delegationLimit.create(what, { hint: "wait for some of them to end" });
  }

  /** Runs it as soon as fewer than `places` run. */
  join(one: Waiting, places: number): void {
    this.#queue.concurrency = places;
    if (this.#queue.pending >= places) one.announceQueued();
    const left = new AbortController();
    const run = (): Promise<void> => {
      this.#waiting.delete(one);
      return one.run();
    };
    this.#waiting.add(one);
    // It rejects only when it has left the line.
    this.#queue.add(run, { signal: left.signal }).catch(() => {});
    // One that is to end while it waits needs no place to say so, and takes up none in the line.
    const leave = (): void => {
      if (this.#waiting.delete(one)) left.abort();
      void one.run();
    };
    one.stopping.addEventListener("abort", leave, { once: true });
  }
}
