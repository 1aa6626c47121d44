/** What `acp` and `mcp` have in common: reach the daemon, open a door, carry what is said through all daemons, and tell how it ended. */
import { exitCodes } from "../../base/errors.ts";
import { plainText } from "../../base/text.ts";
import { openDoor } from "../../control/door.ts";
import type { Hello } from "../../control/hello.ts";
import { pipeOutput } from "../bridge.ts";
import { runLastingBridge } from "../lasting-bridge/bridge.ts";
import type { Dialect } from "../lasting-bridge/dialect.ts";
import { reachDaemon, type DaemonPlace } from "../reach.ts";
import { resolveSocketPath } from "../socket-path.ts";
import { tell } from "../terminal.ts";
import { workingDirectory } from "../working-directory.ts";

export interface PlaceOptions {
  config: string | undefined;
  socket: string | undefined;
  noAutostart: boolean;
}

export interface LastingCaller extends PlaceOptions {
  dialect: Dialect;
  /** `cwd` = where the command runs; `daemonsBefore` = how many daemons it has had. */
  hello: (facts: { cwd: string; daemonsBefore: number }) => Hello;
}

/** Resolves to the exit code, when the caller has ended or nothing can be done for it. */
export async function runLasting({ dialect, hello, ...options }: LastingCaller): Promise<number> {
  const caller = { input: process.stdin, output: pipeOutput() };
  // The place is looked up each time: what the configuration says of it may have changed with the daemon.
  const reach = async ({ start, daemonsBefore }: { start: boolean; daemonsBefore: number }) => {
    const place = await daemonPlace({ ...options, noAutostart: !start });
    return reachDaemon(place, () => openDoor(place.socketPath, hello({ cwd: place.cwd, daemonsBefore })));
  };
  const say = (line: string): void => void tell(`crucible: ${plainText(line)}\n`);
  let outcome;
  try {
    outcome = await runLastingBridge({ ...caller, dialect, reach, autostart: !options.noAutostart, say });
  } catch (error) {
    const { refuseCaller } = await import("../refused-caller.ts");
    return refuseCaller(error, caller);
  }
  if (outcome === undefined) return exitCodes.ok;
  const { reportError } = await import("../exit.ts");
  return reportError(outcome);
}

/** Where the daemon of an editor or MCP client is; the project that it has open has no say in it. */
async function daemonPlace({ config, socket, noAutostart }: PlaceOptions): Promise<DaemonPlace> {
  const { env } = process;
  const cwd = workingDirectory();
  const socketPath = await resolveSocketPath({ socket, config, env, cwd, handStarted: false });
  return { socketPath, config, env, cwd, autostart: !noAutostart };
}
