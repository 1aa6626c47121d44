/**
 * Starts processes on this machine and answers for them: each is written down before it starts (journal.ts), carries a
 * marker, leads a session of its own, and is ended with all that descends from it, at the latest by `close`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { monotonicMs } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { Launcher, LaunchOptions, LaunchSpec, ProcessExit, RunningProcess } from "./child.ts";
import { EndedTrees } from "./ended-trees.ts";
import { agentStart } from "./errors.ts";
import { handBytes, handedOver } from "./handed-over.ts";
import { createJournal, type JournalRecord } from "./journal.ts";
import { LocalChild, type PipedChild } from "./local-child.ts";
import { markedEnvironment } from "./marker.ts";
import { createProcessTable } from "./own-table.ts";
import { endFound, marked, type Reaped } from "./reap.ts";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";
import { spawnFailure } from "./spawn-failure.ts";

export interface LauncherOptions {
  /** The journal is kept in its folder `processes`. */
  stateDirectory: string;
  /** Time between the steps of a gentle end, in milliseconds; asked each time, since the configuration may change. */
  graceMs: () => number;
  /** A line that a process wrote to stderr, without control characters. */
  onStderr?: (label: string, line: string) => void;
  /** Something a person should know and that ends nothing, such as a process that cannot be killed. */
  onWarning?: (message: string) => void;
  onEnded?: (ended: EndedProcess) => void;
  table?: ProcessTable;
}

/** A process whose tree is gone. */
export interface EndedProcess {
  readonly label: string;
  readonly pid: number;
  readonly exit: ProcessExit;
  /** What `end` was given, or that it ended by itself. */
  readonly reason: string;
}

const killNowPatienceMs = 500;
const sweepGraceMs = 1000;

export type LocalLauncher = Launcher & {
  /** Those whose tree is not gone yet. */
  running(): readonly RunningProcess[];
  /** Ends what carries the mark of a tree that has ended, and tells what that was. Finds nothing where marks cannot be read. */
  sweep(): Promise<Reaped[]>;
  /** Starts no more, ends all, and resolves when nothing is left of any. */
  close(): Promise<void>;
  /** SIGKILL to every tree, holding up everything else until they are gone or 500 ms have passed: before a forced exit. */
  killAllNow(): void;
};

export function createLauncher(options: LauncherOptions): LocalLauncher {
  const { stateDirectory, graceMs, onWarning = () => {} } = options;
  const table = options.table ?? createProcessTable();
  const journal = createJournal(stateDirectory);
  const daemon = { pid: process.pid, startTime: table.find(process.pid)?.startTime ?? 0, bootId: table.bootId };
  const running = new Set<LocalChild>();
  const starting = new Set<Promise<unknown>>();
  const over = new EndedTrees();
  let closing = false;

  async function launch(spec: LaunchSpec, { signal, onStderr }: LaunchOptions = {}): Promise<RunningProcess> {
    const stopIfUnwanted = (): void => {
      signal?.throwIfAborted();
      if (closing) throw shuttingDown(spec);
    };
    stopIfUnwanted();
    const record = { id: newId("agt"), label: spec.label, daemon, sandbox: spec.sandbox?.mechanism ?? "none" };
    await writeRecord(spec, record);
    let child: LocalChild | undefined;
    try {
      stopIfUnwanted();
      child = await start(spec, record, onStderr);
      stopIfUnwanted();
      return child;
    } catch (error) {
      if (child) await child.kill();
      else await removeRecord(record.id);
      throw error;
    }
  }

  async function start(
    spec: LaunchSpec,
    record: JournalRecord,
    onStderr: LaunchOptions["onStderr"],
  ): Promise<LocalChild> {
    const spawned = await spawnPiped(spec, record.id);
    // The child is not reaped before this turn of the event loop ends, so its pid is its own still.
    const startTime = table.find(spawned.pid)?.startTime ?? 0;
    const child = new LocalChild({
      id: record.id,
      label: spec.label,
      child: spawned,
      startTime,
      table,
      graceMs,
      layers: spec.sandbox?.layers ?? 0,
      memoryFolders: spec.sandbox?.memoryFolders ?? [],
      onStderr: onStderr ?? ((line) => options.onStderr?.(spec.label, line)),
      onWarning,
      onEnded: async ({ exit, reason, left }) => {
        await forget(child, spec, left);
        options.onEnded?.({ label: spec.label, pid: child.pid, exit, reason });
      },
    });
    running.add(child);
    try {
      await journal.write({ ...record, process: { pid: child.pid, startTime, groupId: child.pid } });
    } catch (error) {
      // The marker in the first record is enough to find it again.
      onWarning(`could not complete the record of ${spec.label} (pid ${child.pid}): ${messageOf(error)}`);
    }
    return child;
  }

  async function forget(child: LocalChild, spec: LaunchSpec, left: readonly ProcessEntry[]): Promise<void> {
    running.delete(child);
    over.add(child.id, spec.label);
    if (left.length === 0) return removeRecord(child.id);
    // The record stays until a sweep, or the next daemon, has ended the rest.
    onWarning(`could not end all of ${spec.label}: pid ${left.map(({ pid }) => pid).join(", ")} ignores SIGKILL`);
  }

  async function writeRecord(spec: LaunchSpec, record: JournalRecord): Promise<void> {
    try {
      await journal.write(record);
    } catch (cause) {
      throw agentStart.create(`${spec.label} was not started: it cannot be recorded first (${messageOf(cause)})`, {
        hint: `make ${stateDirectory} writable, or free space on its disk`,
        cause,
      });
    }
  }

  async function sweep(): Promise<Reaped[]> {
    if (!table.readsMarkers) return [];
    const snapshot = await table.snapshot();
    const found = new Set<string>();
    for (const { pid, dead, startTime } of snapshot.entries.values()) {
      if (dead || pid === process.pid || startTime < daemon.startTime) continue;
      for (const id of snapshot.markersOf(pid)) if (over.labelOf(id) !== undefined) found.add(id);
    }
    return Promise.all([...found].map((id) => endRest(id, over.labelOf(id) ?? id)));
  }

  async function endRest(id: string, label: string): Promise<Reaped> {
    const { ended, left } = await endFound(marked(id, table), { table, graceMs: sweepGraceMs });
    if (left.length === 0) await removeRecord(id);
    return { label, pids: ended };
  }

  async function removeRecord(id: string): Promise<void> {
    try {
      await journal.remove(id);
    } catch (error) {
      onWarning(`could not remove the record of an ended process: ${messageOf(error)}`);
    }
  }

  function tracked(spec: LaunchSpec, launchOptions?: LaunchOptions): Promise<RunningProcess> {
    const launching = launch(spec, launchOptions).finally(() => starting.delete(launching));
    starting.add(launching);
    return launching;
  }

  return Object.assign(tracked, {
    running: () => [...running],
    sweep,
    async close() {
      closing = true;
      await Promise.all([...[...running].map((child) => child.end()), Promise.allSettled(starting)]);
    },
    killAllNow() {
      closing = true;
      const deadline = monotonicMs() + killNowPatienceMs;
      for (let left = [...running]; left.length > 0 && monotonicMs() < deadline;) {
        const snapshot = table.snapshotNow();
        left = left.filter((child) => child.killIn(snapshot));
      }
    },
  });
}

async function spawnPiped(spec: LaunchSpec, id: string): Promise<PipedChild> {
  try {
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { ...spec.env, ...markedEnvironment(id) },
      stdio: ["pipe", "pipe", "pipe", ...handedOver(spec.sandbox)],
      // A session of its own: the terminal's signals are ours to pass on, and its members are found by it.
      detached: true,
    });
    if (child.pid === undefined) {
      const [error] = await once(child, "error");
      throw error;
    }
    handBytes(child, spec.sandbox);
    return takePipes(child, child.pid);
  } catch (cause) {
    throw spawnFailure(spec, cause);
  }
}

/**
 * Takes the pipes out of the hands of Node.js, which destroys stdin and drains stdout when the top process exits: behind a
 * wrapper they still belong to a living agent, and a reader that holds back a flood wants to go on doing so.
 */
function takePipes(child: ChildProcess, pid: number): PipedChild {
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new TypeError("expected pipes for stdin, stdout and stderr");
  Object.assign(child, { stdin: null, stdout: null, stderr: null });
  Object.assign(child.stdio, [null, null, null]);
  return { process: child, pid, stdin, stdout, stderr };
}

function shuttingDown(spec: LaunchSpec): Error {
  return agentStart.create(`${spec.label} was not started: Crucible is shutting down`, {
    hint: "start it again when the daemon runs again",
  });
}
