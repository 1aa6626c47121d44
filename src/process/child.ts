/**
 * What is started, what one can do with it while it runs, and how it ended: the port between the rest of Crucible and
 * whatever starts processes. Today that is `launcher.ts` on this machine; a sandbox or a container is another launcher.
 * Types only.
 */
import type { Readable, Writable } from "node:stream";

/** What to start. */
export interface LaunchSpec {
  /** What people call it, in logs and errors: the profile's name. */
  readonly label: string;
  /** Path of the program; a bare name is looked up on the PATH of `env`. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment; nothing is added but the marker (see marker.ts). */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Set when `command` is not the program itself but a sandbox that starts it. */
  readonly sandbox?: SandboxLayer;
}

/** The processes that stand between what is started and the program meant. */
export interface SandboxLayer {
  /** Its name, for the journal. */
  readonly mechanism: string;
  /**
   * How many processes stand above the program's own: each is the only child of the one before. They pass on neither signals
   * nor, as such, the signal that ended the program: they exit with 128 and its number instead.
   */
  readonly layers: number;
  /** Folders inside whose files are the machine's memory, by the paths that the processes in it know. */
  readonly memoryFolders: readonly string[];
  /** Handed over as descriptors 3, 4, …: open ones, which stay the caller's to close, and bytes to be read from one. */
  readonly inputs: readonly (number | Uint8Array)[];
}

/** How a process ended. Both are null when nobody can know: it was not our child, or it could not be ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface TreeUsage {
  /** With the files that are kept in the memory of its sandbox. */
  readonly residentBytes: number;
  readonly processes: number;
}

/** A started process and all that descends from it. */
export interface RunningProcess extends AsyncDisposable {
  /** Unique everywhere; the marker of the whole tree. */
  readonly id: string;
  /** Of the process that was started; behind a wrapper that has exited, the agent's own is another. */
  readonly pid: number;
  readonly stdin: Writable;
  /** Raw bytes. Nothing is read ahead of the reader: an agent that floods is held back by its pipe. */
  readonly stdout: Readable;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /**
   * Resolves once, as soon as the agent itself has ended; never rejects. A wrapper that exits with 0 while another process
   * of its tree holds its stdin and stdout has not ended the agent: that process is the agent then.
   */
  readonly exited: Promise<ProcessExit>;
  /** The last of what it wrote to stderr: at most 40 lines and 8 KiB, safe to print. */
  stderrTail(): string;
  /** Resident memory of the whole tree in bytes; pages that processes share are counted for each, and files not. */
  residentBytes(): Promise<number>;
  /** What it uses of the machine's memory, and how many processes the tree has; those of a sandbox itself are not counted. */
  usage(): Promise<TreeUsage>;
  /**
   * Ends the whole tree gently: end of stdin, then SIGTERM to the agent and soon after to its tree, then SIGKILL, each after
   * the grace time. Resolves when nothing of the tree is left; calling again waits for the same end. `reason` goes to the log.
   */
  end(reason?: string): Promise<ProcessExit>;
  /** Ends the whole tree at once, also in the middle of `end`. */
  kill(): Promise<ProcessExit>;
}

export interface LaunchOptions {
  /** When it aborts before the process is up, nothing stays and the launch rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Hears each line it writes to stderr, without control characters, in place of the launcher's own listener. */
  onStderr?: ((line: string) => void) | undefined;
}

/** Starts a process. Rejects with CRU_AGENT_START when that is not possible. */
export type Launcher = (spec: LaunchSpec, options?: LaunchOptions) => Promise<RunningProcess>;
