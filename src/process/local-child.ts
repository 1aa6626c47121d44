/**
 * One process on this machine, from its start to the end of the last of its tree.
 *
 *   running ──(top process exits with 0, another holds its stdin and stdout)──▶ handed over
 *   running, handed over ──(the agent ends by itself, or end, or kill)──▶ ending ──(nothing of the tree lives)──▶ ended
 *
 * It does not know why it is ended, nor what is spoken over its pipes.
 */
import type { ChildProcess } from "node:child_process";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { monotonicMs } from "../base/clock.ts";
import { timedOut, within } from "../base/deadline.ts";
import { deferred } from "../base/deferred.ts";
import { isSystemError, messageOf } from "../base/errors.ts";
import type { ProcessExit, RunningProcess, TreeUsage } from "./child.ts";
import { bytesOfFilesIn } from "./files-in-memory.ts";
import { Heirs } from "./heirs.ts";
import type { ProcessEntry, ProcessSnapshot, ProcessTable } from "./process-table.ts";
import { drainStderr, type StderrTail } from "./stderr-tail.ts";
import { ProcessTree } from "./tree.ts";

/** How long what an ended agent has written may take to arrive while something else holds its pipes. */
const drainMs = 250;
/** After SIGTERM to the agent itself, how long it has to end its own tree before that gets SIGTERM too. */
const ownCleanupMs = 500;

const unknownExit: ProcessExit = { code: null, signal: null };

/** A process just started, leading its own session, and our ends of its pipes. */
export interface PipedChild {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

export interface LocalChildOptions {
  id: string;
  label: string;
  child: PipedChild;
  startTime: number;
  table: ProcessTable;
  graceMs: () => number;
  /** Processes of a sandbox above the agent's own, and its folders of memory (child.ts, SandboxLayer). */
  layers: number;
  memoryFolders: readonly string[];
  onStderr: (line: string) => void;
  onWarning: (message: string) => void;
  /** The tree is gone but for `left`, which could not be ended; `reason` is why it was. */
  onEnded: (end: { exit: ProcessExit; reason: string; left: readonly ProcessEntry[] }) => Promise<void>;
}

export class LocalChild implements RunningProcess {
  readonly id: string;
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly startedAt = Date.now();
  readonly exited: Promise<ProcessExit>;
  readonly #options: LocalChildOptions;
  readonly #stderr: Readable;
  readonly #tail: StderrTail;
  readonly #tree: ProcessTree;
  readonly #exit = deferred<ProcessExit>();
  readonly #topExited = deferred<void>();
  readonly #hurry = deferred<void>();
  readonly #stdoutClosed: Promise<unknown>;
  readonly #stderrClosed: Promise<unknown>;
  readonly #heirs: Heirs;
  #topExit: ProcessExit | undefined;
  #ending: Promise<ProcessExit> | undefined;

  constructor(options: LocalChildOptions) {
    const { child, id, table } = options;
    this.#options = options;
    this.id = id;
    this.pid = child.pid;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.#stderr = child.stderr;
    this.exited = this.#exit.promise;
    this.#tree = new ProcessTree({ table, id, top: { pid: child.pid, startTime: options.startTime } });
    this.#heirs = new Heirs({ pid: child.pid, stdout: child.stdout, tree: this.#tree, table });
    this.#stdoutClosed = closed(this.stdout);
    this.#stderrClosed = closed(this.#stderr);
    this.#tail = drainStderr(this.#stderr, options.onStderr);
    this.#watchErrors();
    child.process.once("exit", (code, signal) => {
      this.#topExit = options.layers > 0 ? exitInside({ code, signal }) : { code, signal };
      this.#topExited.resolve();
    });
    void this.#watchExit();
  }

  stderrTail(): string {
    return this.#tail.text();
  }

  async usage(): Promise<TreeUsage> {
    const members = await this.#tree.members();
    const { table, layers, memoryFolders } = this.#options;
    const ofProcesses = await table.residentBytes(members.map(({ pid }) => pid));
    // The first process inside; the one that was started stands outside and sees the machine's own folders.
    const inside = members.find(({ parentPid }) => parentPid === this.pid);
    const ofFiles = inside ? await bytesOfFilesIn(memoryFolders, inside.pid) : 0;
    return { residentBytes: ofProcesses + ofFiles, processes: Math.max(0, members.length - layers) };
  }

  async residentBytes(): Promise<number> {
    const members = await this.#tree.members();
    return this.#options.table.residentBytes(members.map(({ pid }) => pid));
  }

  async end(reason = "asked to"): Promise<ProcessExit> {
    const exit = await this.#finish(reason);
    // Whoever ends it has read what it wanted; an unread pipe would stay open for ever.
    this.stdout.destroy();
    return exit;
  }

  kill(): Promise<ProcessExit> {
    this.#hurry.resolve();
    return this.end("killed");
  }

  /** SIGKILL to all of the tree that a snapshot just taken shows. False if that is nothing. */
  killIn(snapshot: ProcessSnapshot): boolean {
    return this.#tree.killIn(snapshot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  #finish(reason: string): Promise<ProcessExit> {
    this.#ending ??= this.#endTree(reason);
    return this.#ending;
  }

  async #endTree(reason: string): Promise<ProcessExit> {
    // Seen once before anything ends, so that those who lose their parent are known.
    const { above } = await this.#place();
    // The time the agent had to end its own tree counts as part of the tree's.
    const spentMs = this.#exit.settled ? 0 : await this.#endGently();
    const forMs = Math.max(0, this.#options.graceMs() - spentMs);
    const gone = await this.#tree.terminate({ forMs, hurry: this.#hurry.promise, sparing: above });
    const left = gone ? [] : await this.#tree.kill();

    // The system has told us that it is gone; Node.js hears of it a moment later.
    await within(this.exited, drainMs);
    this.#settle();
    this.stdin.destroy();
    this.#stderr.destroy();
    const exit = await this.exited;
    await this.#options.onEnded({ exit, reason, left });
    return exit;
  }

  /** Resolves to the time since SIGTERM, in milliseconds. */
  async #endGently(): Promise<number> {
    const over = Promise.race([this.exited, this.#hurry.promise]);
    const graceMs = this.#options.graceMs();
    this.stdin.end();
    if ((await within(over, graceMs)) !== timedOut) return 0;
    const agents = this.#topExit ? await this.#heirs.living() : (await this.#place()).agent;
    for (const agent of agents) this.#options.table.signal(agent, "SIGTERM");
    const askedAt = monotonicMs();
    await within(over, Math.min(ownCleanupMs, graceMs / 2));
    return monotonicMs() - askedAt;
  }

  /** The agent's own process, which is what was started or stands some layers of a sandbox below it, and those layers. */
  async #place(): Promise<{ above: ReadonlySet<number>; agent: Pick<ProcessEntry, "pid" | "startTime">[] }> {
    const members = await this.#tree.members();
    const above = new Set<number>();
    let agent: Pick<ProcessEntry, "pid" | "startTime">[] = [{ pid: this.pid, startTime: this.#options.startTime }];
    for (let layer = 0; layer < this.#options.layers; layer++) {
      const [parent] = agent;
      if (parent) above.add(parent.pid);
      const below = members.filter(({ parentPid }) => parentPid === parent?.pid);
      // The agent's orphans become children of the sandbox's own process as well: it was there first.
      agent = below.toSorted((a, b) => a.startTime - b.startTime || a.pid - b.pid).slice(0, 1);
    }
    return { above, agent };
  }

  async #watchExit(): Promise<void> {
    await this.#topExited.promise;
    // Once it is being ended, nobody can take its place any more.
    if (this.#topExit?.code === 0 && !this.#ending) await this.#heirs.outlive(() => this.#exit.settled);
    // Something may hold the pipes that never writes to them: the agent's last words get a moment, no more.
    if (!this.#heirs.found) await within(Promise.all([this.#stdoutClosed, this.#stderrClosed]), drainMs);
    this.#settle();
    await this.#finish("it ended by itself").catch((error: unknown) => {
      this.#options.onWarning(`could not end what is left of ${this.#options.label}: ${messageOf(error)}`);
    });
  }

  #settle(): void {
    this.#exit.resolve(this.#heirs.found ? unknownExit : (this.#topExit ?? unknownExit));
  }

  #watchErrors(): void {
    const { onWarning, label } = this.#options;
    for (const [name, stream] of Object.entries({ stdin: this.stdin, stdout: this.stdout, stderr: this.#stderr })) {
      stream.on("error", (error) => {
        // An agent that ends while it is written to is told by `exited`; the broken pipe adds nothing.
        if (!isSystemError(error, "EPIPE", "ECONNRESET", "ERR_STREAM_WRITE_AFTER_END", "ERR_STREAM_DESTROYED")) {
          onWarning(`${name} of ${label} failed: ${messageOf(error)}`);
        }
      });
    }
  }
}

/** A sandbox says with its exit code which signal ended what ran in it. */
function exitInside(exit: ProcessExit): ProcessExit {
  const number = (exit.code ?? 0) - 128;
  const signal = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return signal === undefined ? exit : { code: null, signal };
}

function closed(stream: Readable): Promise<unknown> {
  return new Promise((resolve) => stream.once("close", resolve));
}
