/**
 * The stage of `crucible demo`: a daemon and an editor's `crucible acp` as real processes, in a temporary folder that nothing
 * else uses. Whoever opens it gets all of it taken down again: processes first, then the folder.
 */
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Link } from "../acp/link.ts";
import type { Listener } from "../acp/wire.ts";
import { timedOut, within } from "../base/deadline.ts";
import { deferred } from "../base/deferred.ts";
import { Scope } from "../base/scope.ts";
import { connectControl } from "../control/client.ts";
import { demoConfig } from "../demo/config.ts";
import type { RunningProcess } from "../process/child.ts";
import { createLauncher } from "../process/launcher.ts";
import { daemonStart } from "./errors.ts";

const readyTimeoutMs = 15_000;
const stopTimeoutMs = 10_000;
const program = fileURLToPath(new URL("../../bin/crucible.js", import.meta.url));

export interface StageOptions {
  /** Pause between two steps of an agent, in milliseconds. */
  paceMs: number;
  keepFolder: boolean;
  /** Every line that the daemon logs, as JSON. */
  onDaemonLog(line: string): void;
  signal: AbortSignal;
}

export interface Stage extends AsyncDisposable {
  readonly folder: string;
  readonly socketPath: string;
  readonly daemonPid: number;
  /** Starts `crucible acp` in `cwd` and speaks ACP with it. */
  openEditor(cwd: string, listener: Listener): Promise<Editor>;
  /** Ends everything and waits until no process is left. */
  close(): Promise<void>;
}

export interface Editor {
  readonly pid: number;
  request(method: string, params: unknown): Promise<unknown>;
  notify(method: string, params: unknown): void;
}

/** Starts the daemon and waits until it is ready. Rejects with CRU_DAEMON_START, and when the signal aborts. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const scope = new Scope((_what, error) => {
    throw error;
  });
  try {
    return await build(options, scope);
  } catch (error) {
    await scope.close();
    throw error;
  }
}

async function build(options: StageOptions, scope: Scope): Promise<Stage> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "crucible-demo-")));
  if (!options.keepFolder) scope.add("folder", () => rm(folder, { recursive: true, force: true }));
  const configFile = join(folder, "crucible.toml");
  await writeFile(configFile, demoConfig({ paceMs: options.paceMs }));

  const socketPath = join(folder, "daemon.sock");
  const ready = deferred<void>();
  const launcher = createLauncher({
    stateDirectory: join(folder, "processes"),
    graceMs: () => 500,
    onStderr(label, line) {
      if (label !== "the daemon") return;
      if (line.startsWith("listening on ")) ready.resolve();
      else if (line.startsWith("{")) options.onDaemonLog(line);
    },
  });
  scope.add("processes", () => launcher.close());
  const place = ["--config", configFile, "--socket", socketPath];
  const run = (label: string, cwd: string, args: readonly string[]) =>
    launcher({
      label,
      command: process.execPath,
      args: [program, ...args, ...place],
      env: stageEnvironment(folder),
      cwd,
    });

  const daemon = await run("the daemon", folder, ["serve", "--log-level", "trace"]);
  await untilReady(daemon, { ready: ready.promise, signal: options.signal });
  scope.add("daemon", () => stopDaemon(daemon, socketPath));

  return {
    folder,
    socketPath,
    daemonPid: daemon.pid,
    async openEditor(cwd, listener) {
      const bridge = await run("crucible acp", cwd, ["acp", "--no-autostart"]);
      return speakAcp(bridge, { listener, scope });
    },
    close: () => scope.close(),
    [Symbol.asyncDispose]: () => scope.close(),
  };
}

async function untilReady(
  daemon: RunningProcess,
  { ready, signal }: { ready: Promise<void>; signal: AbortSignal },
): Promise<void> {
  const first = await within(Promise.race([ready.then(() => "ready"), daemon.exited]), readyTimeoutMs, signal);
  if (first === "ready") return;
  const how = first === timedOut ? "did not come up in time" : "ended as it started";
  throw daemonStart.create(`the demo's daemon ${how}, and wrote:\n${daemon.stderrTail()}`, {
    hint: "run `crucible serve` in a terminal to see more",
  });
}

function speakAcp(bridge: RunningProcess, { listener, scope }: { listener: Listener; scope: Scope }): Editor {
  const link = new Link({
    input: bridge.stdout,
    output: bridge.stdin,
    listener,
    closeReason: () => new Error(`crucible acp ended, and wrote:\n${bridge.stderrTail()}`),
  });
  scope.add("editor", async () => {
    link.close();
    await bridge.exited;
  });
  return {
    pid: bridge.pid,
    request: (method, params) => link.request(method, params),
    notify: (method, params) => link.notify(method, params),
  };
}

// As `crucible stop` does it; the launcher ends by force what this does not.
async function stopDaemon(daemon: RunningProcess, socketPath: string): Promise<void> {
  using control = await connectControl(socketPath);
  await control.request("stop", {});
  await within(daemon.exited, stopTimeoutMs);
}

function stageEnvironment(folder: string): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("CRUCIBLE_"),
  );
  return { ...Object.fromEntries(own), XDG_STATE_HOME: join(folder, "state"), XDG_CONFIG_HOME: join(folder, "config") };
}
