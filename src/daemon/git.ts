/**
 * Starts git for Crucible's own ends: without hooks, pagers, questions or helpers that stay behind, so that nothing in a
 * repository can have a program started by it outside of a sandbox, and with no variable of a surrounding git.
 */
import { delimiter } from "node:path";
import { foldersOf } from "../agents/login-path.ts";
import { oneLine } from "../base/text.ts";
import { commonNamesIn } from "../config/environment.ts";
import type { LaunchSpec } from "../process/child.ts";
import { runToEnd, type FinishedRun, type RunOptions } from "../process/run.ts";
import type { Confined } from "../sandbox/confinement.ts";

/** Longest run of one git command, in milliseconds: a checkout of a large repository takes minutes on a slow disk. */
const timeoutMs = 10 * 60 * 1000;

const safeSettings = ["core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false"];

// A repository can say that what is missing has to be fetched, and by which program.
const noTransport = { GIT_ALLOW_PROTOCOL: "none", GIT_NO_LAZY_FETCH: "1" };

export interface GitCall {
  args: readonly string[];
  cwd: string;
  /** On top of what every program gets of the daemon's environment. */
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
  outputFile?: string;
  /** Puts it into a sandbox. For every call that may start what a repository names, such as a filter. */
  confine?: (spec: LaunchSpec) => Promise<Confined>;
}

/** git said no. Not an error of its own kind: whoever asked knows what it means. */
export class GitFailure extends Error {
  override readonly name = "GitFailure";
}

/** What git wrote to stdout, trimmed. Rejects with GitFailure, and with CRU_AGENT_START where there is no git. */
export async function git({ args, cwd, env = {}, signal, outputFile, confine }: GitCall): Promise<string> {
  const settings = safeSettings.flatMap((setting) => ["-c", setting]);
  const spec: LaunchSpec = {
    label: "git",
    command: "/bin/sh",
    args: ["-c", 'exec git "$@"', "git", ...settings, ...args],
    cwd,
    env: { ...ownEnvironment(), ...env },
  };
  const options = { timeoutMs, signal, ...(outputFile === undefined ? {} : { outputFile }) };
  const run = confine ? await runConfined(await confine(spec), options) : await runToEnd(spec, options);
  if (run.code === 0) return run.stdout.trim();
  const why = run.timedOut ? "it took too long" : oneLine(run.stderr, 300) || `it ended with ${run.code ?? run.signal}`;
  throw new GitFailure(`git ${args.find((arg) => !arg.startsWith("-"))}: ${why}`);
}

async function runConfined(confined: Confined, options: RunOptions): Promise<FinishedRun> {
  try {
    return await runToEnd(confined.spec, options);
  } finally {
    confined.started();
    await confined.release();
  }
}

/** Of the daemon's only what every program needs: a filter that an agent has set may tell what it sees. No folder of PATH may lie in the repository. */
function ownEnvironment(): Record<string, string> {
  const names = commonNamesIn(process.env).filter((name) => !name.startsWith("GIT_"));
  const own = Object.fromEntries(names.map((name) => [name, process.env[name] ?? ""]));
  const PATH = foldersOf(process.env["PATH"]).join(delimiter);
  return { ...own, PATH, LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0", ...noTransport };
}
