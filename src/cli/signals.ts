/**
 * What Ctrl-C means while something runs that can be cancelled: the first signal asks for it, the second one leaves at once.
 */
import { constants } from "node:os";
import { tell } from "./terminal.ts";

/** How long what was asked to end may take for that, in milliseconds: agents are ended in steps. */
const maxCancelMs = 60_000;

export interface Cancellation extends Disposable {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** The exit code of the signal that came; undefined while none did. */
  readonly exitCode: number | undefined;
}

/** Listens until disposed. `onCancel` runs at the first signal, before anything is said. */
export function cancelOnSignals(onCancel: () => void): Cancellation {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const handle = (signal: NodeJS.Signals): void => {
    if (exitCode !== undefined) process.exit(exitCodeOfSignal(signal));
    exitCode = exitCodeOfSignal(signal);
    onCancel();
    void tell("cancelling; once more to leave at once\n");
    controller.abort();
    // Whoever is to take it back may hang.
    setTimeout(() => process.exit(exitCodeOfSignal(signal)), maxCancelMs).unref();
  };
  process.on("SIGINT", handle).on("SIGTERM", handle);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]: () => void process.off("SIGINT", handle).off("SIGTERM", handle),
  };
}

/** Runs what the first signal cuts short, once it has taken back what it had begun. Resolves to the exit code. */
export async function untilSignal(run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  using cancellation = cancelOnSignals(() => {});
  try {
    const exitCode = await run(cancellation.signal);
    return cancellation.exitCode ?? exitCode;
  } catch (error) {
    if (cancellation.exitCode !== undefined) return cancellation.exitCode;
    throw error;
  }
}

/** The exit code of a process that a signal ended, as shells count: 130 for SIGINT, 143 for SIGTERM. */
export function exitCodeOfSignal(signal: string | null): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return 128 + (numbers[signal ?? ""] ?? 0);
}
