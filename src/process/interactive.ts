/**
 * Runs a program in the terminal of the caller, who waits for it: how a person logs in to an agent. The terminal is the
 * program's while it runs, and so are the signals that its keys send.
 */
import { execa } from "execa";
import type { LaunchSpec, ProcessExit } from "./child.ts";
import { spawnFailure } from "./spawn-failure.ts";

/** Resolves with how it ended. Rejects with CRU_AGENT_START when it cannot be started. */
export async function runInteractive(spec: LaunchSpec): Promise<ProcessExit> {
  const { command, args, cwd, env } = spec;
  // The terminal sends these to both of us; what they mean is the program's to decide.
  const leaveToProgram = (): void => {};
  const passOn = (signal: NodeJS.Signals): void => void program.kill(signal);
  // Before the program starts: it may be up, and the signal there, before this turn of the event loop is over.
  process.on("SIGINT", leaveToProgram).on("SIGQUIT", leaveToProgram).on("SIGTERM", passOn).on("SIGHUP", passOn);
  const program = execa(command, args, { cwd, env, extendEnv: false, stdio: "inherit", reject: false });
  try {
    const result = await program;
    if (result.exitCode === undefined && result.signal === undefined) throw spawnFailure(spec, result.cause);
    return { code: result.exitCode ?? null, signal: result.signal ?? null };
  } finally {
    process.off("SIGINT", leaveToProgram).off("SIGQUIT", leaveToProgram).off("SIGTERM", passOn).off("SIGHUP", passOn);
  }
}
