/**
 * Why delegations end otherwise than completed, told by what was done in the run: for every such end there must be a deed that
 * explains it, done to its own tree and at its time. What no deed explains, the daemon has done by itself.
 */
import type { DelegationTold } from "./ledger.ts";

export type DeedKind =
  | "turn is cancelled"
  | "editor goes"
  | "terminal gives up"
  | "delegation is cancelled"
  | "agent dies"
  | "disk is full"
  | "daemon is stopped"
  | "daemon is killed";

interface Done {
  kind: DeedKind;
  from: number;
  /** Undefined while it lasts. */
  to: number | undefined;
  /** The root sessions that it was done to; undefined for all. */
  roots: readonly string[] | undefined;
}

/** How long before a delegation was first heard of what explains its end may have been done, in milliseconds. */
const mostLagMs = 10_000;

const ends: readonly DeedKind[] = ["editor goes", "terminal gives up", "daemon is stopped", "agent dies"];

/** What is said at an end, and which deeds bring it about; none where the task itself asks for it. */
const causes: readonly { says: RegExp; because?: readonly DeedKind[]; asked?: RegExp }[] = [
  { says: /the caller's turn was cancelled/, because: ["turn is cancelled", ...ends] },
  { says: /the caller cancelled the call/, because: ["turn is cancelled", ...ends] },
  { says: /the caller's session ended|the task of its caller has ended/, because: ["turn is cancelled", ...ends] },
  { says: /the agent that asked has exited/, because: ends },
  { says: /its caller cancelled it/, because: ["delegation is cancelled"] },
  { says: /ENOSPC|I\/O error|no space left/, because: ["disk is full"] },
  { says: /was ended by SIGKILL/, because: ["agent dies"], asked: /^die SIGKILL/ },
  { says: /exited with code/, because: ["agent dies"], asked: /^exit/ },
  { says: /answered with an error: not today/, asked: /^fail/ },
  { says: /declined the task/, asked: /^stop refusal/ },
  { says: /agents run in this daemon already/ },
];

/** Agents that never come as far as to have a task. */
const neverStart = /^no-(start|session)$/;

export class Chronicle {
  readonly #done: Done[] = [];

  did(kind: DeedKind, roots?: readonly string[]): void {
    const now = performance.now();
    this.#done.push({ kind, roots, from: now, to: now });
  }

  /** It lasts until the returned function is called. */
  began(kind: DeedKind): () => void {
    const done: Done = { kind, roots: undefined, from: performance.now(), to: undefined };
    this.#done.push(done);
    return () => (done.to ??= performance.now());
  }

  /** Whether a delegation that has not completed has ended for a reason that was given. */
  explains(told: DelegationTold): boolean {
    // Its daemon was gone before it could say anything.
    if (told.status === undefined) return this.#happened(["daemon is killed"], told);
    return causes.some(({ says, because, asked }) => {
      if (!says.test(told.words)) return false;
      if (!because && !asked) return true;
      if (asked?.test(told.title) || (asked && neverStart.test(told.agent))) return true;
      return because !== undefined && this.#happened(because, told);
    });
  }

  #happened(kinds: readonly DeedKind[], { rootId, begunAt, endedAt }: DelegationTold): boolean {
    return this.#done.some(
      ({ kind, roots, from, to }) =>
        kinds.includes(kind) &&
        (roots === undefined || roots.includes(rootId)) &&
        from <= (endedAt ?? Number.POSITIVE_INFINITY) &&
        (to === undefined || to >= begunAt - mostLagMs),
    );
  }
}
