/**
 * What is opened when it is first needed, and once. An opening that failed is not kept: whoever needs it next has it tried again.
 */
export class Lazy<T> {
  readonly #open: () => Promise<T>;
  #opening: Promise<T> | undefined;

  constructor(open: () => Promise<T>) {
    this.#open = open;
  }

  /** Opens it, if it is not. Rejects as the opening does. */
  get(): Promise<T> {
    return this.#opening ?? this.#begin();
  }

  /** What is open or is being opened, once it is; undefined where there is nothing. Never rejects. */
  async opened(): Promise<T | undefined> {
    return this.#opening?.catch(() => undefined);
  }

  #begin(): Promise<T> {
    const opening = this.#open();
    this.#opening = opening;
    opening.catch(() => (this.#opening = undefined));
    return opening;
  }
}
