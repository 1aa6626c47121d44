/**
 * The questions that wait for a human, counted: a session may have asked the same thing twice, and each of the two is answered.
 */

export interface Question {
  sessionId: string;
  title: string;
}

export class OpenQuestions {
  readonly #counts = new Map<string, number>();

  asked(question: Question): void {
    const key = keyOf(question);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Whether one like it was open; it is no more. */
  answered(question: Question): boolean {
    const key = keyOf(question);
    const count = this.#counts.get(key) ?? 0;
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
    return count > 0;
  }
}

function keyOf({ sessionId, title }: Question): string {
  return `${sessionId} ${title}`;
}
