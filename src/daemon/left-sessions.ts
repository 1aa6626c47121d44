/**
 * Root sessions whose editor has gone while work that was delegated in the background goes on (`keep_background`). Such a session
 * has neither client nor agent; it ends with that work, unless an editor comes back for it first.
 */
import type { Delegations } from "../delegation/delegations.ts";
import type { Session } from "../sessions/session.ts";

export class LeftSessions {
  readonly #delegations: Delegations;
  readonly #left = new Map<string, Session>();

  constructor(delegations: Delegations) {
    this.#delegations = delegations;
  }

  /** This session has no editor any more. Resolves when all has ended that does not go on. */
  async leave(session: Session, why: string): Promise<void> {
    const kept = this.#delegations.keptOf(session);
    if (kept.length === 0) return session.end(why);
    this.#left.set(session.id, session);
    session.scope.add("left", () => this.#forget(session));
    session.leave();
    const others = this.#delegations.liveOf(session).filter((delegation) => !kept.includes(delegation));
    for (const delegation of others) delegation.cancel(why);
    void Promise.all(kept.map((delegation) => delegation.ended)).then(() => this.#over(session));
    const children = [...session.children].filter((child) => {
      const delegation = this.#delegations.ofChild(child);
      return !delegation || others.includes(delegation);
    });
    await Promise.all(children.map((child) => child.end(why)));
  }

  /** For an editor that opens the conversation again. */
  async takeBack(id: string): Promise<Session | undefined> {
    const session = this.#left.get(id);
    if (!session) return undefined;
    if (session.state === "ended") {
      // There are never two of one conversation.
      await session.end("it is opened again");
      return undefined;
    }
    this.#forget(session);
    return session;
  }

  #has(session: Session): boolean {
    return this.#left.get(session.id) === session;
  }

  #over(session: Session): void {
    if (this.#has(session)) void session.end("what went on in the background has ended");
  }

  #forget(session: Session): void {
    if (this.#has(session)) this.#left.delete(session.id);
  }
}
