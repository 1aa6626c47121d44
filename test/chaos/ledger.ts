/**
 * What the daemon said it did, read from its own log as it is written: every delegation in exactly one final state, told once,
 * and no mistake of the daemon's own. Outlives the daemons whose logs it reads.
 */
import type { DelegationStatus } from "../../src/base/delegation.ts";

interface Entry {
  event?: string;
  msg?: string;
  level?: string;
  stack?: string;
  [field: string]: unknown;
}

export interface DelegationTold {
  id: string;
  rootId: string;
  /** Which life of the daemon it was begun in; the first has 0. */
  life: number;
  /** Undefined while it is under way, or when its daemon was killed. */
  status: DelegationStatus | undefined;
  agent: string;
  title: string;
  /** What was said at its end; empty before. */
  words: string;
  /** When the first and the last was heard of it, as performance.now(). */
  begunAt: number;
  endedAt: number | undefined;
}

/** Where warnings tell that a promise could not be kept. */
const brokenPromise = /ignores SIGKILL|could not be ended/;

export class Ledger {
  readonly delegations = new Map<string, DelegationTold>();
  readonly violations: string[] = [];
  readonly counts = { agentsStarted: 0, agentsKilled: 0, sessions: 0, questions: 0, warnings: 0 };
  #life = 0;
  #readTo = 0;

  /** A new daemon has taken over; its log begins anew. */
  nextLife(): void {
    this.#life++;
    this.#readTo = 0;
  }

  get life(): number {
    return this.#life;
  }

  /** Takes in what has been added to the log of the present daemon. */
  read(log: string): void {
    const end = log.lastIndexOf("\n") + 1;
    const lines = log.slice(this.#readTo, end).split("\n");
    this.#readTo = end;
    for (const line of lines) if (line.startsWith("{")) this.#take(JSON.parse(line) as Entry);
  }

  /** Those that are over and have not completed. */
  get broken(): DelegationTold[] {
    return [...this.delegations.values()].filter(({ life, status }) =>
      status === undefined ? life < this.#life : status !== "completed",
    );
  }

  /** Delegations of this life that have not ended. */
  get open(): DelegationTold[] {
    return [...this.delegations.values()].filter(({ life, status }) => life === this.#life && status === undefined);
  }

  #take(entry: Entry): void {
    const { event, msg = "" } = entry;
    if (event === "bug") this.violations.push(`a mistake of the daemon's own: ${msg} ${entry.stack ?? ""}`);
    if (event === "warning" && brokenPromise.test(msg)) this.violations.push(msg);
    if (event === "warning") this.counts.warnings++;
    if (event === "agent.started") this.counts.agentsStarted++;
    if (event === "agent.ended" && entry["expected"] === false) this.counts.agentsKilled++;
    if (event === "session.opened") this.counts.sessions++;
    if (event === "permission.asked") this.counts.questions++;
    if (event === "delegation.progress") this.#progress(entry);
  }

  #progress(entry: Entry): void {
    const id = String(entry["delegationId"]);
    const kind = String(entry["kind"]);
    const known = this.delegations.get(id);
    if (known?.status !== undefined) {
      this.violations.push(`delegation ${id} was ${kind} after it had ended as ${known.status}`);
      return;
    }
    const told: DelegationTold = known ?? {
      id,
      rootId: String(entry["rootId"]),
      life: this.#life,
      status: undefined,
      agent: "",
      title: String(entry["title"]),
      words: "",
      begunAt: performance.now(),
      endedAt: undefined,
    };
    told.agent = String(entry["agent"]);
    this.delegations.set(id, told);
    if (kind !== "ended") return;
    told.status = entry["status"] as DelegationStatus;
    // Behind the title, in which anything may stand.
    told.words = String(entry["msg"]).slice(`delegation to ${told.agent} (${told.title}) `.length);
    told.endedAt = performance.now();
    if (/sign of life/.test(String(entry["msg"]))) this.violations.push(`delegation ${id} was taken for stalled`);
  }
}
