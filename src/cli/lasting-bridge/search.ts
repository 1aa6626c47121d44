/**
 * The search for a daemon by a bridge that has lost its own: when to look, when to start one, when to rest and when to give up. How a
 * daemon is joined, and what the caller is told, is the bridge's business.
 */
import { monotonicMs } from "../../base/clock.ts";
import { within } from "../../base/deadline.ts";
import { deferred } from "../../base/deferred.ts";
import { daemonUnreachable } from "../../control/errors.ts";
import { connectionBroken } from "../errors.ts";

/** How long a bridge that may not start a daemon itself waits for another one, in milliseconds. */
export const daemonAbsenceLimitMs = 60_000;

/** Times in a row that a new daemon may break the connection before it has answered, until the caller is told of it. */
export const maxFailedReturns = 10;

/** Between two looks for a daemon, in milliseconds: the first pause, and the longest. */
const firstLookMs = 50;
const longestLookMs = 500;

export interface SearchParts {
  /** It may start a daemon. */
  autostart: boolean;
  absenceLimitMs: number;
  /** `start` = also by starting one. Undefined when the search is over, one way or the other. */
  join: (request: { start: boolean }) => Promise<Error | undefined>;
  /** Nothing more is tried until somebody needs a daemon; whoever waits for one now is told why. */
  onFailure: (error: Error) => void;
}

export class Search {
  readonly #parts: SearchParts;
  /** Somebody needs a daemon now. */
  #isWanted = true;
  /** Wakes the search. */
  #woken = deferred<void>();

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  want(): void {
    this.#isWanted = true;
    this.wake();
  }

  /** Has it look at once. */
  wake(): void {
    this.#woken.resolve();
  }

  /** Resolves when it is over, to the error where it was given up. */
  async run({ isWanted }: { isWanted: boolean }): Promise<Error | undefined> {
    const { autostart, absenceLimitMs, join, onFailure } = this.#parts;
    this.#isWanted = isWanted;
    let since = monotonicMs();
    let failures = 0;
    for (let waitMs = firstLookMs; ; waitMs = Math.min(waitMs * 2, longestLookMs)) {
      this.#woken = deferred();
      const error = await join({ start: autostart && this.#isWanted });
      if (error === undefined) return undefined;
      const isThere = !daemonUnreachable.matches(error);
      const isFlighty = connectionBroken.matches(error) && ++failures < maxFailedReturns;
      if (!isFlighty && (isThere || (autostart && this.#isWanted))) {
        this.#isWanted = false;
        onFailure(error);
        await this.#woken.promise;
        [since, failures, waitMs] = [monotonicMs(), 0, firstLookMs];
      } else if (!autostart && monotonicMs() - since > absenceLimitMs) {
        onFailure(error);
        return error;
      } else {
        await within(this.#woken.promise, waitMs);
      }
    }
  }
}
