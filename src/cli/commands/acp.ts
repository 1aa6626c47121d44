/** `crucible acp`: what an editor runs. A pipe to the daemon that outlives it; everything else is loaded only when it is needed. */
import { exitCodes } from "../../base/errors.ts";
import { plainText } from "../../base/text.ts";
import { openDoor } from "../../control/door.ts";
import { pipeOutput } from "../bridge.ts";
import { runEditorBridge, type EditorBridgeParts } from "../editor-bridge/bridge.ts";
import { reachDaemon, type DaemonPlace } from "../reach.ts";
import { resolveSocketPath } from "../socket-path.ts";
import { tell } from "../terminal.ts";

export interface AcpOptions {
  agent: string | undefined;
  config: string | undefined;
  socket: string | undefined;
  noAutostart: boolean;
  /** Run the agent's login of this name in the terminal instead; what editors append (ACP, "Authentication"). */
  terminalAuth: string | undefined;
}

export async function acp(options: AcpOptions): Promise<number> {
  if (options.terminalAuth !== undefined) {
    const { logIn } = await import("./terminal-login.ts");
    return logIn({ ...options, method: options.terminalAuth });
  }
  const caller = { input: process.stdin, output: pipeOutput() };
  // The place is looked up each time: what the configuration says of it may have changed with the daemon.
  const reach: EditorBridgeParts["reach"] = async ({ start, daemonsBefore }) => {
    const place = await daemonPlace({ ...options, noAutostart: !start });
    const hello = { door: "editor", agent: options.agent, cwd: place.cwd, daemonsBefore } as const;
    return reachDaemon(place, () => openDoor(place.socketPath, hello));
  };
  let outcome;
  try {
    const say = (line: string): void => void tell(`crucible: ${plainText(line)}\n`);
    outcome = await runEditorBridge({ ...caller, reach, autostart: !options.noAutostart, say });
  } catch (error) {
    const { refuseCaller } = await import("../refused-caller.ts");
    return refuseCaller(error, caller);
  }
  if (outcome === undefined) return exitCodes.ok;
  const { reportError } = await import("../exit.ts");
  return reportError(outcome);
}

/** Where an editor's daemon is; the project that the editor has open has no say in it. */
export async function daemonPlace(
  options: Pick<AcpOptions, "config" | "socket" | "noAutostart">,
): Promise<DaemonPlace> {
  const { config, socket } = options;
  const { env } = process;
  const cwd = process.cwd();
  const socketPath = await resolveSocketPath({ socket, config, env, cwd, handStarted: false });
  return { socketPath, config, env, cwd, autostart: !options.noAutostart };
}
