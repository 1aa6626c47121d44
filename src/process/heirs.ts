/**
 * Who takes the agent's place when the process that was started is only a wrapper and exits: a process of its tree that holds
 * the agent's stdin and stdout both, which helpers do not. Its end is told by the end of stdout, and by a look now and then,
 * since a helper may hold stdout open after it.
 * Without /proc nobody's pipes can be seen; then any process of the tree is taken for an heir as long as stdout is open.
 */
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";
import type { ProcessTree } from "./tree.ts";

const checkMs = 1000;
/** A wrapper may exit before the process it leaves behind has its descriptors in place: hence several looks at first. */
const firstLooks = 5;
const firstLookMs = 50;

export class Heirs {
  readonly #tree: ProcessTree;
  readonly #table: ProcessTable;
  readonly #stdout: Readable;
  readonly #stdoutClosed = new AbortController();
  /** The child's ends of stdin and stdout. */
  readonly #pipes: readonly (string | undefined)[];
  #found = false;

  /** To be made as soon as the process has started, while its pipes are where they were put. */
  constructor(parts: { pid: number; stdout: Readable; tree: ProcessTree; table: ProcessTable }) {
    this.#tree = parts.tree;
    this.#table = parts.table;
    this.#stdout = parts.stdout;
    this.#pipes = [0, 1].map((descriptor) => parts.table.descriptor(parts.pid, descriptor));
    parts.stdout.once("close", () => this.#stdoutClosed.abort());
  }

  /** Somebody has taken the agent's place, and may have ended since. */
  get found(): boolean {
    return this.#found;
  }

  async living(): Promise<ProcessEntry[]> {
    const members = await this.#tree.members();
    if (this.#pipes.includes(undefined)) return this.#stdout.closed ? [] : members;
    return members.filter(({ pid }) =>
      this.#pipes.every((pipe, descriptor) => this.#table.descriptor(pid, descriptor) === pipe),
    );
  }

  /** Returns when it is clear that nobody takes the agent's place, when who did has ended, or when `isOver` says so. */
  async outlive(isOver: () => boolean): Promise<void> {
    for (let look = 0; look < firstLooks && !this.#found; look++) {
      this.#found = (await this.living()).length > 0;
      if (!this.#found && (await this.#pauseOrClose(firstLookMs)) === "closed") return;
    }
    while (this.#found && !isOver()) {
      if ((await this.#pauseOrClose(checkMs)) === "closed" || (await this.living()).length === 0) return;
    }
  }

  async #pauseOrClose(ms: number): Promise<"closed" | "open"> {
    return pause(ms, "open" as const, { signal: this.#stdoutClosed.signal }).catch(() => "closed" as const);
  }
}
