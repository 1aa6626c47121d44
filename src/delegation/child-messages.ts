/**
 * Further messages for a child at work, from `send_to_delegation`: it takes the next one when a turn of its has ended. Bounded, since
 * a child may take its time.
 */

/** Messages that may wait for one child. */
export const maxWaitingMessages = 100;

export class ChildMessages {
  readonly #waiting: string[] = [];
  #isOver = false;

  /** `full` when too many wait already, `over` when the child takes none any more. */
  add(message: string): "taken" | "full" | "over" {
    if (this.#isOver) return "over";
    if (this.#waiting.length >= maxWaitingMessages) return "full";
    this.#waiting.push(message);
    return "taken";
  }

  take(): string | undefined {
    return this.#waiting.shift();
  }

  /** From here on nobody reads them. */
  close(): void {
    this.#isOver = true;
  }
}
