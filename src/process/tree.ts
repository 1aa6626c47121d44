/**
 * Everything that descends from one started process, and how to end it. A process belongs to the tree when it carries the
 * marker, stands below a member, shares the first process's session or group, or was a member when last seen. What cleaned
 * its environment, left the session and lost its parent before anybody looked is not found.
 * Knows processes only by pid and start time; never signals one whose start time differs.
 */
import { monotonicMs } from "../base/clock.ts";
import { timedOut, within } from "../base/deadline.ts";
import type { ProcessEntry, ProcessSnapshot, ProcessTable } from "./process-table.ts";

/** How long SIGKILL may take to show before a process counts as one that cannot be ended (uninterruptible, or not ours). */
const killPatienceMs = 5000;
const shortestPauseMs = 5;
const longestPauseMs = 50;

export interface TreeOptions {
  table: ProcessTable;
  /** The marker that its processes carry. */
  id: string;
  /** The process that was started, which leads a session and group of its own. */
  top: { pid: number; startTime: number };
}

export interface SweepLimit {
  forMs: number;
  /** Ends the waiting early when it resolves. */
  hurry?: Promise<void>;
  /** Those that are left alone, since they end by themselves after all others. */
  sparing?: ReadonlySet<number>;
}

export class ProcessTree {
  readonly #table: ProcessTable;
  readonly #id: string;
  readonly #top: { pid: number; startTime: number };
  readonly #known = new Map<number, number>();

  constructor(options: TreeOptions) {
    this.#table = options.table;
    this.#id = options.id;
    this.#top = options.top;
    this.#known.set(options.top.pid, options.top.startTime);
  }

  /** Those that live now. */
  async members(): Promise<ProcessEntry[]> {
    return this.#membersIn(await this.#table.snapshot());
  }

  /** SIGTERM to each member once. True when nothing is left, false when the time is over or `hurry` resolves. */
  async terminate(limit: SweepLimit): Promise<boolean> {
    const told = new Set<number>();
    return this.#sweep(limit, (member) => {
      if (!told.has(member.pid) && !limit.sparing?.has(member.pid)) this.#table.signal(member, "SIGTERM");
      told.add(member.pid);
    });
  }

  /** SIGKILL, again and again, until nothing is left. Returns what could not be ended. */
  async kill(): Promise<ProcessEntry[]> {
    const gone = await this.#sweep({ forMs: killPatienceMs }, (member) => this.#table.signal(member, "SIGKILL"));
    return gone ? [] : this.members();
  }

  /** SIGKILL to those in a snapshot just taken, without waiting. False if there are none. */
  killIn(snapshot: ProcessSnapshot): boolean {
    const members = this.#membersIn(snapshot);
    for (const member of members) this.#table.signal(member, "SIGKILL");
    return members.length > 0;
  }

  // One empty look proves little: a process may have been born behind the look and its parent have ended before it.
  async #sweep(
    { forMs, hurry = new Promise(() => {}) }: SweepLimit,
    act: (member: ProcessEntry) => void,
  ): Promise<boolean> {
    const deadline = monotonicMs() + forMs;
    let hurried = false;
    let emptyLooks = 0;
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const members = await this.members();
      for (const member of members) act(member);
      emptyLooks = members.length === 0 ? emptyLooks + 1 : 0;
      if (emptyLooks === 2) return true;
      if (hurried || monotonicMs() >= deadline) return false;
      hurried = (await within(hurry, emptyLooks === 1 ? shortestPauseMs : pauseMs)) !== timedOut;
    }
  }

  #membersIn(snapshot: ProcessSnapshot): ProcessEntry[] {
    const sessionIsOurs = [undefined, this.#top.startTime].includes(snapshot.entries.get(this.#top.pid)?.startTime);
    const members = new Map<number, ProcessEntry>();
    const candidates = this.#candidates(snapshot);
    const children = byParent(candidates);

    const add = (entry: ProcessEntry): void => {
      if (members.has(entry.pid)) return;
      members.set(entry.pid, entry);
      for (const child of children.get(entry.pid) ?? []) if (child.startTime >= entry.startTime) add(child);
    };
    for (const entry of candidates) {
      const known = this.#known.get(entry.pid) === entry.startTime;
      const inSession = sessionIsOurs && [entry.sessionId, entry.groupId].includes(this.#top.pid);
      if (known || inSession || snapshot.markersOf(entry.pid).includes(this.#id)) add(entry);
    }

    this.#known.clear();
    for (const entry of members.values()) this.#known.set(entry.pid, entry.startTime);
    return [...members.values()];
  }

  /** The living that are not older than the tree: nearly all processes of a machine are ruled out by this. */
  #candidates(snapshot: ProcessSnapshot): ProcessEntry[] {
    return [...snapshot.entries.values()].filter(
      (entry) => !entry.dead && entry.startTime >= this.#top.startTime && entry.pid !== process.pid,
    );
  }
}

function byParent(entries: readonly ProcessEntry[]): Map<number, ProcessEntry[]> {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of entries) {
    const siblings = children.get(entry.parentPid);
    if (siblings) siblings.push(entry);
    else children.set(entry.parentPid, [entry]);
  }
  return children;
}
