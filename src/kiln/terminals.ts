/**
 * The terminals of one child session (ACP, "Terminals"): commands that Crucible runs for an agent that has no editor, with what
 * they print and how they ended. It does not know how a process is started, nor who may start one; the gate has decided.
 *
 * A terminal is running, then exited; it is known until it is released. All are ended with their session, at the latest.
 */
import { isRecord } from "../acp/wire.ts";
import { monotonicMs } from "../base/clock.ts";
import { within } from "../base/deadline.ts";
import { newId } from "../base/ids.ts";
import type { ProcessExit, RunningProcess } from "../process/child.ts";
import type { Session } from "../sessions/session.ts";
import { argumentsIn, commandLine } from "./command-line.ts";
import { terminalLimit, terminalUnknown } from "./errors.ts";
import { countField, textField } from "./fields.ts";
import { OutputTail } from "./output-tail.ts";

/** Terminals of one session that are not released. */
export const maxTerminalsPerSession = 32;

/** What is kept of a terminal's output when its agent names no limit, in bytes. */
export const defaultTerminalOutputBytes = 1024 * 1024;

/** The most that is kept of a terminal's output, whatever limit its agent names, in bytes. */
export const maxTerminalOutputBytes = 4 * 1024 * 1024;

export interface Command {
  /** The words of the command; one that is no word is a line for the shell. */
  readonly words: readonly [string, ...string[]];
  /** Real, absolute, inside the kiln. */
  readonly cwd: string;
  /** Variables on top of the session's own. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a command for a session; stdout carries all it prints. Rejects with CRU_AGENT_START. */
export type StartCommand = (session: Session, command: Command) => Promise<RunningProcess>;

/** A command that was run for an agent, for the record of what it did. */
export interface RanCommand {
  readonly terminalId: string;
  readonly command: string;
  /** Null while it runs, and when a signal ended it. */
  readonly exitCode: number | null;
}

interface Terminal {
  readonly command: string;
  readonly running: RunningProcess;
  readonly output: OutputTail;
  exit: ProcessExit | undefined;
}

export interface TerminalsParts {
  session: Session;
  start: StartCommand;
  /** Hears of each command when it has started, and again when it has ended. */
  onRan: (ran: RanCommand) => void;
}

export class Terminals {
  readonly #parts: TerminalsParts;
  readonly #known = new Map<string, Terminal>();
  #starting = 0;
  #closed = false;

  constructor(parts: TerminalsParts) {
    this.#parts = parts;
    parts.session.scope.add("terminals", () => this.#close());
  }

  /** Answers `terminal/create`; `cwd` was decided upon. */
  async create(params: unknown, cwd: string): Promise<{ terminalId: string }> {
    const { session, start, onRan } = this.#parts;
    const command = commandLine(params);
    const words = [textField(params, "command"), ...argumentsIn(params)] as const;
    const limit = Math.min(countField(params, "outputByteLimit") ?? defaultTerminalOutputBytes, maxTerminalOutputBytes);
    this.#requirePlace();
    this.#starting++;
    let running: RunningProcess;
    try {
      running = await start(session, { words, cwd, env: environmentIn(params) });
    } finally {
      this.#starting--;
    }
    const terminalId = newId("trm");
    const terminal: Terminal = { command, running, output: new OutputTail(limit), exit: undefined };
    this.#known.set(terminalId, terminal);
    running.stdout.on("data", (chunk: Buffer) => {
      terminal.output.push(chunk);
      // A command that prints is a sign of life of the agent that waits for it.
      session.lastHeardAt = monotonicMs();
    });
    onRan({ terminalId, command, exitCode: null });
    void running.exited.then((exit) => {
      terminal.exit = exit;
      onRan({ terminalId, command, exitCode: exit.code });
    });
    // The session may have ended while the process was started.
    if (this.#closed) await running.kill();
    return { terminalId };
  }

  /** Answers a request about a terminal that was created. Undefined = not a method of terminals. */
  async answer(method: string, params: unknown, signal: AbortSignal): Promise<unknown> {
    const id = textField(params, "terminalId");
    const terminal = this.#known.get(id);
    if (!terminal) {
      throw terminalUnknown.create(`this session has no terminal ${JSON.stringify(id)}`, {
        hint: "use the terminalId that terminal/create gave, and not after terminal/release",
      });
    }
    switch (method) {
      case "terminal/output":
        return { ...terminal.output.read(), exitStatus: terminal.exit ? statusOf(terminal.exit) : null };
      case "terminal/wait_for_exit":
        return statusOf((await within(terminal.running.exited, Number.POSITIVE_INFINITY, signal)) as ProcessExit);
      case "terminal/kill":
        await terminal.running.kill();
        return {};
      default:
        this.#known.delete(id);
        await terminal.running.kill();
        return {};
    }
  }

  /** A terminal's command and the end of what it has printed, as text for where terminals cannot be shown. */
  shown(id: string): string | undefined {
    const terminal = this.#known.get(id);
    return terminal && `$ ${terminal.command}\n${terminal.output.read().output}`;
  }

  #requirePlace(): void {
    if (this.#known.size + this.#starting < maxTerminalsPerSession) return;
    throw terminalLimit.create(`this session has ${maxTerminalsPerSession} terminals already`, {
      hint: "release those that are not needed any more with terminal/release",
    });
  }

  async #close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#known.values()].map(({ running }) => running.kill()));
  }
}

/** The methods that name a terminal. */
export const terminalMethods: ReadonlySet<string> = new Set([
  "terminal/output",
  "terminal/wait_for_exit",
  "terminal/kill",
  "terminal/release",
]);

function statusOf({ code, signal }: ProcessExit): { exitCode: number | null; signal: string | null } {
  return { exitCode: code, signal };
}

function environmentIn(params: unknown): Record<string, string> {
  const list = isRecord(params) && Array.isArray(params["env"]) ? (params["env"] as unknown[]) : [];
  return Object.fromEntries(
    list.map((entry): [string, string] => [textField(entry, "name"), textField(entry, "value")]),
  );
}
