/**
 * `crucible mcp`: the delegation tools as an MCP server on stdio. Started by the daemon for one session, it is given that
 * session's token in the environment; started by anybody else, it acts as the profile that is named.
 */
import type { Hello } from "../../control/hello.ts";
import type { DaemonPlace } from "../reach.ts";
import { daemonPlace } from "./acp.ts";
import { runPipe } from "./pipe.ts";

export interface McpOptions {
  agent: string | undefined;
  config: string | undefined;
  socket: string | undefined;
  noAutostart: boolean;
}

export async function mcp(options: McpOptions): Promise<number> {
  const { CRUCIBLE_SESSION_TOKEN: token, CRUCIBLE_SOCKET: socketPath } = process.env;
  if (token && socketPath)
    return runPipe({ hello: { door: "mcp", token }, place: async () => sessionPlace(socketPath) });
  const hello: Hello = { door: "mcp", agent: options.agent, cwd: process.cwd() };
  return runPipe({ hello, place: () => daemonPlace(options) });
}

// The session lives in that one daemon; another one would not know the token.
function sessionPlace(socketPath: string): DaemonPlace {
  return { socketPath, config: undefined, env: process.env, cwd: process.cwd(), autostart: false };
}
