/**
 * The process table read from /proc (Linux; proc(5)). Reads are synchronous, because each takes some microseconds where a
 * trip through the thread pool takes a hundred, but a snapshot gives way to other work every few dozen processes.
 * Not covered: environments of other users' processes, and of those that made themselves unreadable (setuid programs,
 * PR_SET_DUMPABLE) or overwrote the block; they are found by parent and session only.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { markersIn } from "./marker.ts";
import {
  sendSignal,
  shareSnapshots,
  type ProcessEntry,
  type ProcessSnapshot,
  type ProcessTable,
} from "./process-table.ts";

const processesPerSlice = 64;

export function createProcProcessTable(): ProcessTable {
  return {
    readsMarkers: true,
    bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    snapshot: shareSnapshots(takeSnapshot),
    snapshotNow: () => snapshotOf(entriesOf(processIds())),
    find: readEntry,
    signal: (entry, signal) => readEntry(entry.pid)?.startTime === entry.startTime && sendSignal(entry.pid, signal),
    residentBytes: async (pids) => pids.reduce((sum, pid) => sum + residentBytesOf(pid), 0),
    descriptor: (pid, fd) => orUndefined(() => readlinkSync(`/proc/${pid}/fd/${fd}`)),
  };
}

async function takeSnapshot(): Promise<ProcessSnapshot> {
  const pids = processIds();
  const entries: ProcessEntry[] = [];
  for (let start = 0; start < pids.length; start += processesPerSlice) {
    if (start > 0) await setImmediate();
    entries.push(...entriesOf(pids.slice(start, start + processesPerSlice)));
  }
  return snapshotOf(entries);
}

function processIds(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function entriesOf(pids: readonly number[]): ProcessEntry[] {
  return pids.map(readEntry).filter((entry) => entry !== undefined);
}

function snapshotOf(entries: readonly ProcessEntry[]): ProcessSnapshot {
  const markers = new Map<number, readonly string[]>();
  return {
    entries: new Map(entries.map((entry) => [entry.pid, entry])),
    markersOf(pid) {
      const known =
        markers.get(pid) ?? markersIn(orUndefined(() => readFileSync(`/proc/${pid}/environ`, "latin1")) ?? "");
      markers.set(pid, known);
      return known;
    },
  };
}

function readEntry(pid: number): ProcessEntry | undefined {
  const stat = orUndefined(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  return stat === undefined ? undefined : parseStat(stat);
}

/** One line of /proc/PID/stat. The program's name, in parentheses, may itself hold spaces and parentheses. */
export function parseStat(stat: string): ProcessEntry | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Field 3 of proc(5), the state, is the first after the name; field 22 is the start time in clock ticks since boot.
  const [state, parentPid, groupId, sessionId] = fields;
  const startTime = Number(fields[22 - 3]);
  if (state === undefined || !Number.isFinite(startTime)) return undefined;
  return {
    pid: Number.parseInt(stat, 10),
    parentPid: Number(parentPid),
    groupId: Number(groupId),
    sessionId: Number(sessionId),
    startTime,
    dead: state === "Z" || state === "X",
  };
}

function residentBytesOf(pid: number): number {
  const status = orUndefined(() => readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(status?.match(/^VmRSS:\s+(\d+) kB/m)?.[1] ?? 0) * 1024;
}

// A process may end, or forbid the look, between any two reads: then there is nothing to tell about it.
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
