/**
 * Starting the daemon in the background, for somebody who found none running. Of several callers that start one at the same time,
 * one daemon wins and all callers use it: a daemon that finds the socket taken ends by itself.
 */
import { statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { monotonicMs } from "../base/clock.ts";
import { isSystemError } from "../base/errors.ts";
import { homeDirectory, type Environment } from "../base/paths.ts";
import { formatDuration } from "../base/text.ts";
import { locateConfig } from "../config/locate.ts";
import { daemonUnreachable } from "../control/errors.ts";
import type { ProcessExit } from "../process/child.ts";
import { startDetached, type DetachedProcess } from "../process/detached.ts";
import { daemonStart } from "./errors.ts";
import { backgroundVariable } from "./background-mark.ts";
import { openStartLog, type StartLog } from "./start-log.ts";

/** Time a daemon has to answer after it was started, in milliseconds. */
const startTimeoutMs = 15_000;

const pollMs = 20;
/** A daemon that was on its way out may hold the socket's lock a little longer; then another one is tried. */
const retryMs = 300;

export interface BackgroundStart {
  socketPath: string;
  /** The value of --config. */
  config: string | undefined;
  env: Environment;
  cwd: string;
  timeoutMs?: number;
}

/**
 * What `connect` gives once the daemon that is started here, or another one that was quicker, answers. `connect` rejects with
 * CRU_DAEMON_UNREACHABLE until then. Rejects with CRU_DAEMON_START, or with the error that the daemon ended with.
 */
export async function startInBackground<T>(start: BackgroundStart, connect: () => Promise<T>): Promise<T> {
  const timeoutMs = start.timeoutMs ?? startTimeoutMs;
  const deadline = monotonicMs() + timeoutMs;
  const log = openStartLog(start.env);
  let daemon = await launch(start, log);
  for (;;) {
    const outcome = await attempt(connect);
    if (outcome.connected) return outcome.value;
    if (monotonicMs() > deadline) throw tooSlow(daemon.process.pid, { timeoutMs, logFile: log.file });
    const exit = daemon.exit();
    if (!exit) await pause(pollMs);
    else if (!log.saysAlreadyRunning()) throw log.failure(exit);
    else if (monotonicMs() < daemon.startedAt + retryMs) await pause(pollMs);
    else daemon = await launch(start, log);
  }
}

type Attempt<T> = { connected: true; value: T } | { connected: false };

async function attempt<T>(connect: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { connected: true, value: await connect() };
  } catch (error) {
    if (!daemonUnreachable.matches(error)) throw error;
    return { connected: false };
  }
}

interface Launched {
  process: DetachedProcess;
  startedAt: number;
  /** How it ended; undefined while it runs. */
  exit(): ProcessExit | undefined;
}

async function launch(start: BackgroundStart, log: StartLog): Promise<Launched> {
  const program = fileURLToPath(new URL("../../bin/crucible.js", import.meta.url));
  const home = homeDirectory(start.env);
  const process = await startDetached(
    {
      label: "the daemon",
      command: globalThis.process.execPath,
      args: [program, "serve", "--socket", start.socketPath, ...configArguments(start)],
      env: daemonEnvironment(start.env),
      cwd: isDirectory(home) ? home : "/",
    },
    { logFile: log.file },
  );
  let ended: ProcessExit | undefined;
  void process.exited.then((exit) => (ended = exit));
  return { process, startedAt: monotonicMs(), exit: () => ended };
}

// A file that was named is named to the daemon too, absolute, since it works in another directory.
function configArguments({ config, env, cwd }: BackgroundStart): string[] {
  const located = locateConfig({ file: config, env, cwd, handStarted: false });
  return located && located.because !== "default" ? ["--config", located.file] : [];
}

function daemonEnvironment(env: Environment): Record<string, string> {
  // What the caller itself was given for one session is not the daemon's.
  const { CRUCIBLE_SESSION_TOKEN: _token, CRUCIBLE_CONFIG: _config, ...kept } = env;
  const set = Object.entries(kept).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(set), [backgroundVariable]: "1" };
}

function tooSlow(pid: number, { timeoutMs, logFile }: { timeoutMs: number; logFile: string }): Error {
  return daemonStart.create(`the daemon (pid ${pid}) runs, but did not answer within ${formatDuration(timeoutMs)}`, {
    hint: `look into ${logFile}, or run \`crucible serve\` in a terminal`,
  });
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
