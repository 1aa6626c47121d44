/** `crucible acp`: what an editor runs. A byte pipe to the daemon; everything else is loaded only when it is needed. */
import { resolveSocketPath } from "../socket-path.ts";
import type { DaemonPlace } from "../reach.ts";
import { runPipe } from "./pipe.ts";

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
  const hello = { door: "editor", agent: options.agent, cwd: process.cwd() } as const;
  return runPipe({ hello, place: () => daemonPlace(options) });
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
