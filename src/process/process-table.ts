/**
 * What the operating system knows about running processes, in the few facts that finding and ending a tree needs.
 * Two sources: proc-table.ts (Linux), else ps-table.ts (macOS, the BSDs). What only /proc can tell is said at each member.
 */
/** One process. `pid` and `startTime` together name it for ever; a pid alone may be used again. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
  /** 0 where the source does not tell. */
  readonly sessionId: number;
  /** Grows with time, in a unit of the source's own: compare only values of one table and one boot. */
  readonly startTime: number;
  /** It has ended and only its parent has not noticed (state Z, X). */
  readonly dead: boolean;
}

/** All processes as they were when it was taken. */
export interface ProcessSnapshot {
  readonly entries: ReadonlyMap<number, ProcessEntry>;
  /** Ids of the trees that a process says it belongs to; empty where its environment cannot be read. */
  markersOf(pid: number): readonly string[];
}

export interface ProcessTable {
  /** Can tell markers. If not, a process that left its group and lost its parent is not found again. */
  readonly readsMarkers: boolean;
  /** Names this boot of the machine, where start times count from the boot. */
  readonly bootId: string;
  /** Taken after the call; callers at the same time share one. */
  snapshot(): Promise<ProcessSnapshot>;
  /** The same at once, holding up everything else: for a forced end only. */
  snapshotNow(): ProcessSnapshot;
  /** One process as it is now, dead ones that their parent has not noticed included. */
  find(pid: number): ProcessEntry | undefined;
  /**
   * Sends a signal if the process is still the one meant. With /proc that is looked up at the last moment; with `ps` the
   * snapshot is believed, so that a pid used again within it could be hit. False: gone, or not ours to signal.
   */
  signal(entry: Pick<ProcessEntry, "pid" | "startTime">, signal: NodeJS.Signals): boolean;
  residentBytes(pids: readonly number[]): Promise<number>;
  /** What a descriptor points to, such as `socket:[4711]`; undefined where that cannot be told. */
  descriptor(pid: number, fd: number): string | undefined;
}

/** Callers that ask while a snapshot is being taken share the next one: theirs must not begin before they asked. */
export function shareSnapshots(take: () => Promise<ProcessSnapshot>): () => Promise<ProcessSnapshot> {
  let running: Promise<ProcessSnapshot> | undefined;
  let next: Promise<ProcessSnapshot> | undefined;

  function begin(): Promise<ProcessSnapshot> {
    running = take().finally(() => (running = undefined));
    return running;
  }

  async function beginAfter(current: Promise<ProcessSnapshot>): Promise<ProcessSnapshot> {
    await Promise.allSettled([current]);
    next = undefined;
    return begin();
  }

  return () => {
    if (!running) return begin();
    next ??= beginAfter(running);
    return next;
  };
}

/** Sends a signal to a pid. False: there is no such process, or it is not ours to signal. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    // ESRCH or EPERM, both of which mean that nothing was sent; who still lives shows in the next snapshot.
    return false;
  }
}
