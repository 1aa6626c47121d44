/**
 * The process table as the `ps` program prints it, for systems without /proc (macOS). It knows parents and process groups
 * but no environments: a grandchild that made a session or group of its own and whose parent has ended is not found there.
 * Start times count whole seconds.
 */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import {
  sendSignal,
  shareSnapshots,
  type ProcessEntry,
  type ProcessSnapshot,
  type ProcessTable,
} from "./process-table.ts";

/** Not looked up, so that nothing takes its place. */
const program = "/bin/ps";
const psArguments = ["-axo", "pid=,ppid=,pgid=,rss=,stat=,lstart="];
const maxOutputBytes = 16 * 1024 * 1024;
// `lstart` is written in the user's language otherwise.
const options = { encoding: "utf8", maxBuffer: maxOutputBytes, env: { ...process.env, LC_ALL: "C" } } as const;

interface PsEntry extends ProcessEntry {
  readonly residentBytes: number;
}

export function createPsProcessTable(): ProcessTable {
  return {
    readsMarkers: false,
    // Start times are dates here, which need no boot to count from.
    bootId: "",
    snapshot: shareSnapshots(async () => snapshotOf(await list())),
    snapshotNow: () => snapshotOf(listNow()),
    find: (pid) => listNow().find((entry) => entry.pid === pid),
    signal: (entry, signal) => sendSignal(entry.pid, signal),
    async residentBytes(pids) {
      const wanted = new Set(pids);
      return (await list()).reduce((sum, entry) => sum + (wanted.has(entry.pid) ? entry.residentBytes : 0), 0);
    },
    descriptor: () => undefined,
  };
}

async function list(): Promise<PsEntry[]> {
  const { stdout } = await promisify(execFile)(program, psArguments, options);
  return parsePs(stdout);
}

function listNow(): PsEntry[] {
  return parsePs(execFileSync(program, psArguments, options));
}

/** Parses the output of `ps` with the columns above; lines of another shape are left out. */
export function parsePs(output: string): PsEntry[] {
  return output.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line);
    const startTime = Date.parse(match?.[6] ?? "") / 1000;
    if (!match || Number.isNaN(startTime)) return [];
    const [pid, parentPid, groupId, residentKiB] = match.slice(1, 5).map(Number) as [number, number, number, number];
    const dead = match[5]!.startsWith("Z");
    return [{ pid, parentPid, groupId, sessionId: 0, startTime, dead, residentBytes: residentKiB * 1024 }];
  });
}

function snapshotOf(entries: readonly PsEntry[]): ProcessSnapshot {
  return { entries: new Map(entries.map((entry) => [entry.pid, entry])), markersOf: () => [] };
}
