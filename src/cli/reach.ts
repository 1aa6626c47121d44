/**
 * From the options that a command was given to a connection with the daemon, which is started in the background when none
 * runs and that is wanted. Loads only what it needs.
 */
import { daemonLogFile, type Environment } from "../base/paths.ts";
import type { ControlClient, ControlListeners } from "../control/client.ts";
import { daemonUnreachable } from "../control/errors.ts";
import { resolveSocketPath } from "./socket-path.ts";
import { tell } from "./terminal.ts";
import { workingDirectory } from "./working-directory.ts";

export interface DaemonPlace {
  socketPath: string;
  /** The value of --config, for a daemon that is started. */
  config: string | undefined;
  env: Environment;
  cwd: string;
  /** Start a daemon when none answers. */
  autostart: boolean;
}

/** What `connect` gives; it rejects with CRU_DAEMON_UNREACHABLE when no daemon answers. */
export async function reachDaemon<T>(place: DaemonPlace, connect: () => Promise<T>): Promise<T> {
  try {
    return await connect();
  } catch (error) {
    if (!place.autostart || !daemonUnreachable.matches(error)) throw error;
    const { startInBackground } = await import("./background.ts");
    const connected = await startInBackground(place, connect);
    await tell(`crucible: started the daemon in the background; its log is ${daemonLogFile(place.env)}\n`);
    return connected;
  }
}

export interface ControlOptions extends ControlListeners {
  socket: string | undefined;
  config: string | undefined;
  /** Start a daemon when none answers. Default: no. */
  autostart?: boolean;
}

/** The control door of the daemon that these options mean. */
export async function openControl(options: ControlOptions): Promise<ControlClient> {
  const { socket, config, autostart = false, onProgress, onQuestion } = options;
  const { env } = process;
  const cwd = workingDirectory();
  // A daemon in the background never reads ./crucible.toml, so whoever may start one does not look there either.
  const socketPath = await resolveSocketPath({ socket, config, env, cwd, handStarted: !autostart });
  const { connectControl } = await import("../control/client.ts");
  return reachDaemon({ socketPath, config, env, cwd, autostart }, () =>
    connectControl(socketPath, { onProgress, onQuestion }),
  );
}
