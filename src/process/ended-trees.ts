/** The trees that have ended, by their marks, so that what carries one of these can be told from what belongs to a living tree. */

/** Trees that have ended and whose marks are still looked for; of more, the earliest are forgotten. */
export const maxEndedTrees = 10_000;

export class EndedTrees {
  readonly #labels = new Map<string, string>();

  add(id: string, label: string): void {
    this.#labels.set(id, label);
    const [earliest] = this.#labels.keys();
    if (this.#labels.size > maxEndedTrees && earliest !== undefined) this.#labels.delete(earliest);
  }

  /** What people call it; undefined for one that lives, was never there, or is forgotten. */
  labelOf(id: string): string | undefined {
    return this.#labels.get(id);
  }
}
