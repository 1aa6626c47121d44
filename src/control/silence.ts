/**
 * A daemon that takes connections and says nothing, because it is suspended or hangs: whoever asks it must not wait for ever, and
 * is told how to be rid of it. Only its first word is waited for: what lives may take its time with an answer.
 */
import { readFileSync } from "node:fs";
import { timedOut, within } from "../base/deadline.ts";
import { isSystemError, type CrucibleError } from "../base/errors.ts";
import { formatDuration } from "../base/text.ts";
import { daemonSilent } from "./errors.ts";

export interface Waits {
  /** Before a daemon that has yet to say anything is asked whether it is there, in milliseconds. */
  patienceMs: number;
  /** How long it may take to answer that, in milliseconds; a machine may be busy. */
  answerMs: number;
}

const usualWaits: Waits = { patienceMs: 2000, answerMs: 10_000 };

interface FirstWord {
  socketPath: string;
  waits: Waits | undefined;
  /** Settles with the first word, and when the connection ends. */
  heard: Promise<unknown>;
  /** Asks it something that it answers at once. */
  ask: () => void;
}

/** Resolves when the daemon has said something, or has gone. Rejects with CRU_DAEMON_SILENT. */
export async function firstWord({ socketPath, heard, ask, waits = usualWaits }: FirstWord): Promise<void> {
  const { patienceMs, answerMs } = waits;
  if ((await within(heard, patienceMs)) !== timedOut) return;
  ask();
  if ((await within(heard, answerMs)) !== timedOut) return;
  throw silent(`the daemon on ${socketPath} took the connection, and`, {
    afterMs: patienceMs + answerMs,
    pid: daemonPid(socketPath),
  });
}

/** What is said of a daemon that was silent for that long. */
export function silent(who: string, { afterMs, pid }: { afterMs: number; pid?: number | undefined }): CrucibleError {
  const process = pid ?? "PID";
  const which = pid === undefined ? "; `crucible status` tells its pid" : "";
  return daemonSilent.create(`${who} has not answered for ${formatDuration(afterMs)}`, {
    hint: `if it is suspended, \`kill -CONT ${process}\` lets it go on; else \`kill -9 ${process}\` ends it, and the next command starts another one with all that is stored${which}`,
    ...(pid === undefined ? {} : { details: { pid } }),
  });
}

/** As the daemon's lock beside the socket says; undefined where that cannot be read. */
function daemonPid(socketPath: string): number | undefined {
  try {
    const pid = (JSON.parse(readFileSync(`${socketPath}.lock`, "utf8")) as { pid?: unknown }).pid;
    return typeof pid === "number" ? pid : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || isSystemError(error)) return undefined;
    throw error;
  }
}
