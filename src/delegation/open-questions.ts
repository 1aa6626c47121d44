/** Questions that are before a human, of a child and of those below it: whether there are any, and since when there are none. */
import { monotonicMs } from "../base/clock.ts";
import { deferred } from "../base/deferred.ts";

export class OpenQuestions {
  readonly #open = new Set<string>();
  #answeredAt = 0;
  #next = deferred<void>();

  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  /** When a human was last waited for, by the clock of base/clock.ts: now, while one is; 0 if never. */
  get waitedAt(): number {
    return this.areOpen ? monotonicMs() : this.#answeredAt;
  }

  /** Settles when the next question is put to a human. */
  get next(): Promise<void> {
    return this.#next.promise;
  }

  asked(id: string): void {
    this.#open.add(id);
    this.#next.resolve();
    this.#next = deferred<void>();
  }

  /** Says nothing of a question that was never asked here. */
  answered(id: string): void {
    if (this.#open.delete(id)) this.#answeredAt = monotonicMs();
  }
}
