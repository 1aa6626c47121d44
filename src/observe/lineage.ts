/**
 * Which tree and which delegation a session belongs to, learned from the events themselves, so that every line about a session
 * can name all three ids whoever told it. Knows the sessions that are open and the delegations that are under way, no others.
 */
import type { Events } from "./bus.ts";

export interface Belonging {
  rootId?: string | undefined;
  delegationId?: string | undefined;
}

export class Lineage {
  readonly #sessions = new Map<string, Belonging>();
  readonly #open = new Set<string>();

  /** How many sessions it remembers. */
  get size(): number {
    return this.#sessions.size;
  }

  /** To be called before anything is asked about the event. */
  learn<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    if (name === "session.opened") {
      const { sessionId, rootId } = event as Events["session.opened"];
      this.#open.add(sessionId);
      this.#sessions.set(sessionId, { ...this.#sessions.get(sessionId), rootId });
    } else if (name === "delegation.progress") {
      const { kind, childId, rootId, delegationId } = event as Events["delegation.progress"];
      if (kind !== "ended") this.#sessions.set(childId, { rootId, delegationId });
    }
  }

  /** What an event leaves out of where its session belongs. */
  of(event: object): Belonging {
    const sessionId = "sessionId" in event ? event.sessionId : undefined;
    return (typeof sessionId === "string" && this.#sessions.get(sessionId)) || {};
  }

  /** To be called when all has been asked about the event. */
  forget<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    if (name === "session.ended") {
      const { sessionId } = event as Events["session.ended"];
      this.#open.delete(sessionId);
      this.#sessions.delete(sessionId);
    } else if (name === "delegation.progress") {
      const { kind, childId } = event as Events["delegation.progress"];
      // One that never came to have a session.
      if (kind === "ended" && !this.#open.has(childId)) this.#sessions.delete(childId);
    }
  }
}
