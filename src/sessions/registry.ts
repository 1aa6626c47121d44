/**
 * The sessions that are live in this daemon, as a forest. The only place that knows them all.
 */
import type { Bus } from "../observe/bus.ts";
import type { AgentProfile } from "../config/config.ts";
import { childGrant, rootGrant, successorGrant, type Grant } from "./grant.ts";
import type { Session } from "./session.ts";

export class SessionRegistry {
  readonly #sessions = new Map<string, Session>();
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  all(): Session[] {
    return [...this.#sessions.values()];
  }

  roots(): Session[] {
    return [...this.#sessions.values()].filter((session) => !session.parent);
  }

  /** Makes a session known, and forgets it when it ends. */
  add(session: Session): void {
    this.#sessions.set(session.id, session);
    session.parent?.children.add(session);
    this.#bus.emit("session.opened", {
      sessionId: session.id,
      rootId: session.root.id,
      profile: session.profile.name,
      parentId: session.parent?.id,
      cwd: session.cwd,
    });
    session.scope.add("registry", () => {
      this.#sessions.delete(session.id);
      this.#bus.emit("session.ended", { sessionId: session.id, reason: session.endReason });
    });
  }

  /** Has all sessions go by the profiles as they are now; one whose profile is gone keeps what it had. */
  revise(profileNamed: (name: string) => AgentProfile | undefined): void {
    for (const root of this.roots()) reviseTree(root, profileNamed);
  }

  /** Ends every session; for the daemon's own end. */
  async endAll(reason: string): Promise<void> {
    await Promise.all(this.roots().map((session) => session.end(reason)));
  }
}

function reviseTree(session: Session, profileNamed: (name: string) => AgentProfile | undefined): void {
  const profile = profileNamed(session.profile.name);
  if (profile) session.revise({ profile, grant: grantUnder(profile, session) });
  for (const child of session.children) reviseTree(child, profileNamed);
}

function grantUnder(profile: AgentProfile, { parent, predecessor, narrowing }: Session): Grant {
  if (predecessor) return successorGrant(predecessor.grant, profile, narrowing);
  return parent ? childGrant(parent.grant, profile, narrowing) : rootGrant(profile);
}
