/**
 * Ends what a daemon that died left running. A process is ended only if it carries the marker of a record whose daemon is
 * gone; pids in the record prove nothing by themselves, because they may have been used again. Where no markers can be read
 * (ps-table.ts) pid, start time and group of the recorded process must do.
 */
import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "../base/clock.ts";
import { createJournal, type JournalRecord } from "./journal.ts";
import { createProcessTable } from "./own-table.ts";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";
import { ProcessTree } from "./tree.ts";

const defaultGraceMs = 1000;
const killPatienceMs = 5000;
const pauseMs = 20;

export interface ReapOptions {
  /** Time between SIGTERM and SIGKILL in milliseconds; default 1000. */
  graceMs?: number;
  onWarning?: (message: string) => void;
  table?: ProcessTable;
}

/** What was ended for one record. */
export interface Reaped {
  readonly label: string;
  readonly pids: readonly number[];
}

/** Ends the leftovers of dead daemons and removes their records; records of daemons that live stay as they are. */
export async function reapLeftovers(stateDirectory: string, options: ReapOptions = {}): Promise<Reaped[]> {
  const { graceMs = defaultGraceMs, onWarning = () => {}, table = createProcessTable() } = options;
  const journal = createJournal(stateDirectory);
  const records = await journal.read((file) => onWarning(`${file} is not a process record and was left alone`));
  const { entries } = await table.snapshot();
  const orphaned = records.filter((record) => !daemonLives(record, entries, table));

  return Promise.all(
    orphaned.map(async (record) => {
      const { ended, left } = await endFound(finder(record, table), { table, graceMs });
      if (left.length === 0) await journal.remove(record.id);
      else onWarning(`could not end what is left of ${record.label}: pid ${left.join(", ")}`);
      return { label: record.label, pids: ended };
    }),
  );
}

function daemonLives(record: JournalRecord, entries: ReadonlyMap<number, ProcessEntry>, table: ProcessTable): boolean {
  const { pid, startTime, bootId } = record.daemon;
  const entry = entries.get(pid);
  return bootId === table.bootId && entry?.startTime === startTime && !entry.dead;
}

/** SIGTERM to what is found, SIGKILL after `graceMs`, until nothing is found any more. Tells what it ended, and what not. */
export async function endFound(
  find: () => Promise<readonly ProcessEntry[]>,
  { table, graceMs }: { table: ProcessTable; graceMs: number },
): Promise<{ ended: number[]; left: number[] }> {
  const ended = new Set<number>();
  const startedAt = monotonicMs();
  let emptyLooks = 0;

  for (;;) {
    const found = await find();
    emptyLooks = found.length === 0 ? emptyLooks + 1 : 0;
    if (emptyLooks === 2) return { ended: [...ended], left: [] };
    const elapsedMs = monotonicMs() - startedAt;
    if (elapsedMs > graceMs + killPatienceMs) return { ended: [...ended], left: found.map(({ pid }) => pid) };
    for (const entry of found) {
      if (elapsedMs >= graceMs) table.signal(entry, "SIGKILL");
      else if (!ended.has(entry.pid)) table.signal(entry, "SIGTERM");
      ended.add(entry.pid);
    }
    await pause(pauseMs);
  }
}

/** What lives and carries a mark. */
export function marked(id: string, table: ProcessTable): () => Promise<readonly ProcessEntry[]> {
  return async () => {
    const snapshot = await table.snapshot();
    return [...snapshot.entries.values()].filter(
      // A daemon started from within the old tree carries its marker too, and it is the one that reaps.
      (entry) => !entry.dead && entry.pid !== process.pid && snapshot.markersOf(entry.pid).includes(id),
    );
  };
}

function finder(record: JournalRecord, table: ProcessTable): () => Promise<readonly ProcessEntry[]> {
  if (table.readsMarkers) return marked(record.id, table);
  if (record.process === undefined) return async () => [];
  const tree = new ProcessTree({ table, id: record.id, top: record.process });
  return () => tree.members();
}
