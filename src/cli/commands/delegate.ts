/**
 * `crucible delegate AGENT TASK`: one delegation from a terminal. The live tree goes to stderr, the result to stdout, also
 * what an agent said before it failed. Permission questions are answered at the terminal.
 */
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { DelegationProgress, DelegationResult, DelegationStatus } from "../../base/delegation.ts";
import { exitCodes, type CrucibleError } from "../../base/errors.ts";
import { plainText } from "../../base/text.ts";
import { daemonUnreachable } from "../../control/errors.ts";
import { usageError } from "../errors.ts";
import { openControl } from "../reach.ts";
import { cancelOnSignals } from "../signals.ts";
import { print, printJson } from "../terminal.ts";
import { workingDirectory } from "../working-directory.ts";

export interface DelegateOptions {
  from: string | undefined;
  cwd: string | undefined;
  context: string | undefined;
  description: string | undefined;
  model: string | undefined;
  json: boolean;
  config: string | undefined;
  socket: string | undefined;
  noAutostart: boolean;
}

export async function delegate([agent = "", task = ""]: readonly string[], options: DelegateOptions): Promise<number> {
  const { from, context, description, model, config, socket, noAutostart } = options;
  const params = {
    agent,
    task: await taskText(task),
    cwd: resolve(workingDirectory(), options.cwd ?? ""),
    ...withoutUndefined({ from, context, description, model }),
  };
  const view = process.stderr.isTTY ? (await import("../terminal-view.ts")).openTerminalView() : undefined;
  using cancellation = cancelOnSignals(() => view?.close());
  let begun: string | undefined;
  const onProgress = (progress: DelegationProgress): void => {
    begun ??= progress.delegationId;
    view?.listeners.onProgress?.(progress);
  };
  try {
    using control = await openControl({ config, socket, autostart: !noAutostart, ...view?.listeners, onProgress });
    const attended = view?.listeners.onQuestion !== undefined;
    const result = await control.request("delegate", { ...params, attended }, { signal: cancellation.signal });
    view?.close();
    const exitCode = await report(result, options.json);
    return cancellation.exitCode ?? exitCode;
  } catch (error) {
    view?.close();
    if (cancellation.exitCode !== undefined) return cancellation.exitCode;
    throw begun !== undefined && daemonUnreachable.matches(error) ? outlived(error, begun) : error;
  }
}

/** The daemon has gone, but what it began stands in the store. */
function outlived({ message }: CrucibleError, id: string): CrucibleError {
  return daemonUnreachable.create(`${message}; delegation ${id} was under way`, {
    hint: `\`crucible sessions show ${id}\` tells what is known of it; look at the files, and delegate again what is missing`,
    details: { delegation_id: id },
  });
}

async function taskText(task: string): Promise<string> {
  const whole = task === "-" ? await text(process.stdin) : task;
  if (whole.trim() !== "") return whole;
  throw usageError.create(task === "-" ? "the task on the standard input is empty" : "the task is empty", {
    hint: "say what the agent is to do: crucible delegate AGENT 'TASK'",
  });
}

const exitNames: Readonly<Record<DelegationStatus, keyof typeof exitCodes>> = {
  completed: "ok",
  running: "ok",
  failed: "agentFailed",
  lost: "agentFailed",
  cancelled: "agentFailed",
  refused: "refused",
  timed_out: "timedOut",
};

/** Code of a process that Ctrl-C ended; here also for a delegation that somebody else cancelled. */
const cancelledExitCode = 130;

async function report(result: DelegationResult, json: boolean): Promise<number> {
  const { status, error, agent } = result;
  if (json) await printJson(result);
  else if (result.result !== "") await print(`${printable(result.result).trimEnd()}\n`);
  if (status === "completed" || status === "running") return exitCodes.ok;

  const { code, message, hint } = error ?? { code: "CRU_DELEGATION_FAILED", message: `${agent}: ${status}` };
  const [{ reportError }, { relayedError }] = await Promise.all([import("../exit.ts"), import("../relayed-error.ts")]);
  const exitCode = await reportError(relayedError({ code, message, hint, exit: exitNames[status] }));
  return status === "cancelled" ? cancelledExitCode : exitCode;
}

/** On a terminal only what it cannot take for a command; in a pipe the text as it is. */
function printable(result: string): string {
  return process.stdout.isTTY ? plainText(result) : result;
}

function withoutUndefined<T extends Record<string, string | undefined>>(values: T): Partial<Record<keyof T, string>> {
  const set = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set) as Partial<Record<keyof T, string>>;
}
