/**
 * Questions to a human, one at a time for each tree of sessions, in the order in which they came. A question that is
 * withdrawn (its asker ended, its turn was cancelled) leaves the line at once. Knows nothing of what is asked.
 */

/** Questions of one tree that may wait; further ones are answered as if nobody was there. */
export const maxWaitingQuestions = 200;

export class QuestionLine {
  /** Settles when the question put last is answered or withdrawn; undefined when none is open. */
  #last: Promise<unknown> | undefined;
  #waiting = 0;

  get isFull(): boolean {
    return this.#waiting >= maxWaitingQuestions;
  }

  /**
   * Asks when all earlier questions are answered or withdrawn, at once if there are none. Rejects with the signal's reason when
   * it aborts; a question that was already put then gets the same signal, so that it can be taken back.
   */
  ask<Answer>(put: (signal: AbortSignal) => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const turn = this.#last ? this.#afterLast(put, signal) : abortable(put(signal), signal);
    const over: Promise<unknown> = turn.then(
      () => this.#release(over),
      () => this.#release(over),
    );
    this.#last = over;
    return abortable(turn, signal);
  }

  async #afterLast<Answer>(put: (signal: AbortSignal) => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
    this.#waiting++;
    await this.#last;
    this.#waiting--;
    signal.throwIfAborted();
    return abortable(put(signal), signal);
  }

  #release(over: Promise<unknown>): void {
    if (this.#last === over) this.#last = undefined;
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
