/**
 * Who hears what an agent says: each session's listener what names that session, its owner all else. What names a session that is
 * being opened, and whose id nobody knows yet, waits until somebody claims it.
 */
import { sessionIdOf, type Listener } from "../acp/wire.ts";

/** Updates kept for a session whose `session/new` is not answered yet. */
export const maxEarlyMessages = 1000;

export class SessionListeners {
  readonly #owner: Listener;
  readonly #sessions = new Map<string, Listener>();
  #opening = 0;
  #early: { sessionId: string; method: string; params: unknown }[] = [];

  constructor(owner: Listener) {
    this.#owner = owner;
  }

  /** Who answers a request with these parameters. */
  of(params: unknown): Listener {
    return this.#known(sessionIdOf(params)) ?? this.#owner;
  }

  hear(method: string, params: unknown, line?: string): void {
    const sessionId = sessionIdOf(params);
    const listener = this.#known(sessionId);
    if (!listener && sessionId !== undefined && this.#opening > 0 && this.#early.length < maxEarlyMessages) {
      this.#early.push({ sessionId, method, params });
      return;
    }
    (listener ?? this.#owner).notification(method, params, line);
  }

  /** While `open` goes on, what is said of unknown sessions is kept; what none has claimed by its end is its owner's. */
  async whileOpening<T>(open: () => Promise<T>): Promise<T> {
    this.#opening++;
    try {
      return await open();
    } finally {
      this.#opening--;
      if (this.#opening === 0) this.#releaseEarly();
    }
  }

  bind(sessionId: string, listener: Listener): void {
    this.#sessions.set(sessionId, listener);
    const early = this.#early;
    this.#early = early.filter((message) => message.sessionId !== sessionId);
    for (const message of early) {
      if (message.sessionId === sessionId) listener.notification(message.method, message.params);
    }
  }

  unbind(sessionId: string): void {
    this.#sessions.delete(sessionId);
  }

  #known(sessionId: string | undefined): Listener | undefined {
    return sessionId === undefined ? undefined : this.#sessions.get(sessionId);
  }

  // They are of sessions of the agent's own making, such as its subagents'.
  #releaseEarly(): void {
    const early = this.#early;
    this.#early = [];
    for (const { method, params } of early) this.#owner.notification(method, params);
  }
}
