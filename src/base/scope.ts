/**
 * What was opened is closed, last in first out, each closer in its own try. A Scope is how anything with a life
 * (daemon, agent, connection) remembers what it must undo. Closing twice does the work once.
 */
export type Closer = () => void | Promise<void>;

export class Scope implements AsyncDisposable {
  readonly #closers: { what: string; close: Closer }[] = [];
  #closing: Promise<void> | undefined;
  readonly #onError: (what: string, error: unknown) => void;

  /** `onError` hears of closers that failed; the others still run. */
  constructor(onError: (what: string, error: unknown) => void) {
    this.#onError = onError;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Remembers to undo something. On a closed scope it is undone at once. */
  add(what: string, close: Closer): void {
    if (this.#closing) {
      this.#closing = this.#closing.then(() => this.#run(what, close));
      return;
    }
    this.#closers.push({ what, close });
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeAll(): Promise<void> {
    for (let entry = this.#closers.pop(); entry; entry = this.#closers.pop()) await this.#run(entry.what, entry.close);
  }

  async #run(what: string, close: Closer): Promise<void> {
    try {
      await close();
    } catch (error) {
      this.#onError(what, error);
    }
  }
}
