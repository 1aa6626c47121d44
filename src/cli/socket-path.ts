/**
 * Which socket a command uses: `--socket`, else `[server] socket` of the configuration that counts, else `$CRUCIBLE_SOCKET`,
 * else the default. Must stay quick for a configuration without a socket: `crucible acp` waits for this.
 */
import { resolve } from "node:path";
import { defaultSocketPath, expandHome, type Environment } from "../base/paths.ts";
import { locateConfig, type ConfigRequest } from "../config/locate.ts";
import { readConfigText } from "../config/read-file.ts";

export interface SocketRequest {
  /** The value of --socket. */
  socket: string | undefined;
  /** The value of --config. */
  config: string | undefined;
  env: Environment;
  cwd: string;
  /** As for a `serve` in the same directory: also `./crucible.toml` counts. Never for what an editor or an agent starts. */
  handStarted: boolean;
}

/** An absolute path. Throws the errors of a configuration that had to be read and cannot be. */
export async function resolveSocketPath(request: SocketRequest): Promise<string> {
  const { socket, config, env, cwd, handStarted } = request;
  if (socket !== undefined) return resolve(cwd, socket);
  const configured = await configuredSocket({ file: config, env, cwd, handStarted });
  if (configured !== undefined) return configured;
  const fromEnvironment = env["CRUCIBLE_SOCKET"];
  return fromEnvironment ? resolve(cwd, expandHome(fromEnvironment, env)) : defaultSocketPath(env);
}

const commentLine = /^\s*#.*$/gm;
// The word itself, or an escape that could spell it.
const maybeSocket = /socket|\\[uUx]/;

async function configuredSocket(request: ConfigRequest): Promise<string | undefined> {
  const located = locateConfig(request);
  if (!located || !maybeSocket.test(readConfigText(located.file).replace(commentLine, ""))) return undefined;
  // Takes longer than all the rest of `crucible acp`, so it is not loaded for a file that cannot name a socket.
  const { loadConfig } = await import("../config/load.ts");
  return loadConfig(request).server.socket;
}
