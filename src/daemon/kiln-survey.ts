/**
 * Looks for hard links that lead out of the kilns agents are held in, and tells of them once for each directory: after an
 * agent has started, one directory at a time, so that nobody waits for it.
 */
import { isInside } from "../base/paths.ts";
import type { Scope } from "../base/scope.ts";
import { hardLinksIn, inWords } from "../kiln/hard-links.ts";
import type { Bus } from "../observe/bus.ts";
import type { Kiln } from "../sessions/kiln.ts";

/** Directories that were looked through and are remembered; with one more, all are forgotten and told of anew. */
export const maxSurveyedKilns = 1000;

export class KilnSurvey {
  readonly #bus: Bus;
  /** Folder of the daemon, whose worktrees are fresh checkouts. */
  readonly #stateDirectory: string;
  readonly #ending = new AbortController();
  readonly #known = new Set<string>();
  #turn: Promise<void> = Promise.resolve();

  /** Stops looking when the scope closes. */
  constructor({ bus, stateDirectory, scope }: { bus: Bus; stateDirectory: string; scope: Scope }) {
    this.#bus = bus;
    this.#stateDirectory = stateDirectory;
    scope.add("kiln survey", () => {
      this.#ending.abort();
      return this.#turn;
    });
  }

  /** Has the directories looked through that were not yet, nor lie in one that was. Resolves when all were; never rejects. */
  look({ directories }: Pick<Kiln, "directories">): Promise<void> {
    for (const directory of directories) {
      const known = [this.#stateDirectory, ...this.#known];
      if (known.some((one) => isInside(one, directory))) continue;
      if (this.#known.size >= maxSurveyedKilns) this.#known.clear();
      this.#known.add(directory);
      this.#turn = this.#turn.then(() => this.#survey(directory));
    }
    return this.#turn;
  }

  async #survey(directory: string): Promise<void> {
    const { signal } = this.#ending;
    const links = await hardLinksIn(directory, { signal });
    const words = inWords(links);
    if (words === undefined || signal.aborted) return;
    const [own, shared] = [links.own.count, links.shared.count];
    this.#bus.emit("kiln.hard_links", { directory, own, shared, words });
  }
}
