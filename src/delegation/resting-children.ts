/**
 * Children whose task has ended and whose process stays for a while (`idle_seconds` of their profile), so that their caller can
 * go on with them where they are.
 *
 * States of a child: leaving → resting → taken | ended. At rest it works for nobody, and whatever it had delegated is ended. It
 * is the first to go when a place is needed, and goes with its parent.
 */
import type { Session } from "../sessions/session.ts";
import { fits, type Child, type ChildTerms } from "./child.ts";
import { cannotContinue } from "./errors.ts";

/** Children of one tree that rest at the same time; the one that has rested longest is ended when there is one more. */
export const maxRestingPerTree = 3;

interface Rest {
  child: Child;
  timer: NodeJS.Timeout;
}

export class RestingChildren {
  readonly #endBelow: (session: Session) => Promise<void>;
  /** By session, the longest at rest first. */
  readonly #resting = new Map<string, Rest>();
  /** Those on their way out of a task, or of the house. */
  readonly #leaving = new Map<string, Promise<void>>();

  /** `endBelow` ends all that a session has asked for. */
  constructor(endBelow: (session: Session) => Promise<void>) {
    this.#endBelow = endBelow;
  }

  /** Its task has ended: it rests if it `mayRest`, else it ends. Resolves when one or the other is so. Never rejects. */
  leave(child: Child, mayRest: boolean): Promise<void> {
    return this.#onItsWay(child.session, this.#leave(child, mayRest));
  }

  /**
   * The resting child of that session, for a task on these terms; it does not rest any more then. Undefined if its process has
   * gone by now. Throws CRU_DELEGATION_CONTINUE when only the process remembers and the terms are others.
   */
  async take(sessionId: string, terms: ChildTerms): Promise<Child | undefined> {
    await this.#leaving.get(sessionId);
    const rest = this.#resting.get(sessionId);
    if (!rest) return undefined;
    const { child } = rest;
    if (fits(child.terms, terms)) {
      this.#forget(rest);
      return child;
    }
    if (!child.canReopen) throw onlyAsItWas(child);
    await this.#end(rest, "it is opened in another process");
    return undefined;
  }

  /** Ends the one that has rested longest; resolves when it is gone. Undefined if none rests. */
  endOldest(): Promise<void> | undefined {
    const [oldest] = this.#resting.values();
    return oldest && this.#end(oldest, "its place was needed");
  }

  async #leave(child: Child, mayRest: boolean): Promise<void> {
    const { session, client } = child;
    const idleMs = child.terms.profile.idleSeconds * 1000;
    client.hears(undefined);
    if (mayRest && idleMs > 0 && session.state !== "ended") await this.#endBelow(session);
    // What it had asked for may have taken its time to go.
    const isWelcome = mayRest && idleMs > 0 && session.state !== "ended" && session.parent?.state !== "ended";
    if (isWelcome) await this.#rest(child, idleMs);
    else await session.end("its task ended");
  }

  /** Resolves when those are gone that had to make room for it. */
  async #rest(child: Child, idleMs: number): Promise<void> {
    const { session } = child;
    const timer = setTimeout(() => void this.#end(rest, "nobody went on with it"), idleMs);
    const rest: Rest = { child, timer };
    this.#resting.set(session.id, rest);
    session.scope.add("rest", () => this.#forget(rest));
    void child.gone.then(() => {
      if (this.#resting.get(session.id) === rest) void this.#end(rest, "its agent has gone");
    });
    const siblings = [...this.#resting.values()].filter((one) => one.child.session.root === session.root);
    const surplus = siblings.slice(0, Math.max(0, siblings.length - maxRestingPerTree));
    await Promise.all(surplus.map((one) => this.#end(one, "others rest as well")));
  }

  #end(rest: Rest, reason: string): Promise<void> {
    const { session } = rest.child;
    this.#forget(rest);
    return this.#onItsWay(session, session.end(reason));
  }

  #forget(rest: Rest): void {
    clearTimeout(rest.timer);
    const { id } = rest.child.session;
    if (this.#resting.get(id) === rest) this.#resting.delete(id);
  }

  #onItsWay(session: Session, going: Promise<void>): Promise<void> {
    this.#leaving.set(session.id, going);
    return going.finally(() => {
      if (this.#leaving.get(session.id) === going) this.#leaving.delete(session.id);
    });
  }
}

function onlyAsItWas({ session }: Child): Error {
  return cannotContinue.create(
    `agent ${session.profile.name} goes on in this session only as it was begun: by the same caller, in the same directory, ` +
      "with the same tools, model and mode",
    { hint: "leave cwd, tools, read_only, model, mode and isolation as they were, or delegate anew" },
  );
}
