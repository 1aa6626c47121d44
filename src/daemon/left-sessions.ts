/**
 * Root sessions whose editor has gone while work that was delegated in the background goes on (`keep_background`). Such a session
 * has neither client nor agent; it ends with that work, unless an editor comes back for it first.
 */
import type { Delegation } from "../delegation/delegation.ts";
import type { Delegations } from "../delegation/delegations.ts";
import type { Session } from "../sessions/session.ts";

interface Left {
  readonly session: Session;
  /** What goes on in it. */
  readonly kept: readonly Delegation[];
}

export class LeftSessions {
  readonly #delegations: Delegations;
  readonly #left = new Map<string, Left>();

  constructor(delegations: Delegations) {
    this.#delegations = delegations;
  }

  /** This session has no editor any more. Resolves when all has ended that does not go on. */
  async leave(session: Session, why: string): Promise<void> {
    const kept = this.#delegations.keptOf(session);
    if (kept.length === 0) return session.end(why);
    const left = { session, kept };
    this.#left.set(session.id, left);
    session.scope.add("left", () => this.#forget(left));
    session.leave();
    const others = this.#delegations.liveOf(session).filter((delegation) => !kept.includes(delegation));
    for (const delegation of others) delegation.cancel(why);
    void Promise.all(kept.map((delegation) => delegation.ended)).then(() => this.#over(left));
    const children = [...session.children].filter((child) => {
      const delegation = this.#delegations.ofChild(child);
      return !delegation || others.includes(delegation);
    });
    await Promise.all(children.map((child) => child.end(why)));
  }

  /** For an editor that opens the conversation again. */
  async takeBack(id: string): Promise<Session | undefined> {
    const left = this.#left.get(id);
    if (!left) return undefined;
    const { session } = left;
    if (session.state === "ended") {
      // There are never two of one conversation.
      await session.end("it is opened again");
      return undefined;
    }
    this.#forget(left);
    return session;
  }

  /** Whether nobody has come back for it since, who may have left it a second time with more to do. */
  #has(left: Left): boolean {
    return this.#left.get(left.session.id) === left;
  }

  #over(left: Left): void {
    if (this.#has(left)) void left.session.end("what went on in the background has ended");
  }

  #forget(left: Left): void {
    if (this.#has(left)) this.#left.delete(left.session.id);
  }
}
