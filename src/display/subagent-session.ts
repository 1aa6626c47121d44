/**
 * One child as a session of its own in an editor that knows such sessions: announced on its immediate parent, followed by what
 * its agent says under the child's own id, closed with a state that ends it. The order of these is this file's promise (draft
 * "Subagent Sessions", lifecycle): nothing of the child before its announcement, nothing after its last state.
 *
 * States: announced → (waiting for the user ⇄ running) → closed.
 */
import type { Notification } from "../acp/interceptor.ts";
import { subagentUpdate, type SubagentState, type SubagentUpdate } from "../acp/subagents.ts";
import { deferred } from "../base/deferred.ts";
import type { Session } from "../sessions/session.ts";

export interface SubagentSessionInit {
  session: Session;
  /** Whose session it is a child of. */
  parent: Session;
  title: string;
  meta: Record<string, unknown>;
}

export class SubagentSession {
  readonly session: Session;
  readonly #parent: Session;
  readonly #closed = deferred<void>();
  #isWaiting = false;

  /** Announces it. */
  constructor({ session, parent, title, meta }: SubagentSessionInit) {
    this.session = session;
    this.#parent = parent;
    this.#tell({
      title,
      description: `Works for ${parent.profile.name}: ${session.title}`,
      capabilities: { cancel: {} },
      state: { state: "running" },
      cwd: session.cwd,
      additionalDirectories: session.additionalDirectories,
      _meta: meta,
    });
  }

  get isOpen(): boolean {
    return !this.#closed.settled;
  }

  /** Settles when its last state was told. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Passes on what the child's agent said. */
  relay(notification: Notification): void {
    if (this.isOpen) this.session.root.tellAbout(this.session, notification);
  }

  waitsForUser(isWaiting: boolean): void {
    if (!this.isOpen || isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    this.#tell({ state: { state: isWaiting ? "requires_action" : "running" } });
  }

  /** Tells the last state. There is nothing left to cancel then. */
  close(state: SubagentState): void {
    if (!this.isOpen) return;
    this.#tell({ state, capabilities: null });
    this.#closed.resolve();
  }

  #tell(update: Omit<SubagentUpdate, "sessionId">): void {
    const params = { update: subagentUpdate({ sessionId: this.session.id, ...update }) };
    this.session.root.tellAbout(this.#parent.conversation, { method: "session/update", params });
  }
}
