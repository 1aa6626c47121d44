/**
 * `crucible mcp`: the delegation tools as an MCP server on stdio. Started by the daemon for one session, it is given that
 * session's token in the environment, and ends with that daemon; started by anybody else, it acts as the profile that is named, and
 * outlives its daemon.
 */
import { exitCodes } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import { openDoor } from "../../control/door.ts";
import { bridge, pipeOutput } from "../bridge.ts";
import { mcpDialect } from "../lasting-bridge/mcp-dialect.ts";
import { tell } from "../terminal.ts";
import { runLasting, type PlaceOptions } from "./lasting.ts";

export interface McpOptions extends PlaceOptions {
  agent: string | undefined;
}

export async function mcp({ agent, ...place }: McpOptions): Promise<number> {
  const { CRUCIBLE_SESSION_TOKEN: token, CRUCIBLE_SOCKET: socketPath } = process.env;
  if (token && socketPath) return serveSession(socketPath, token);
  const session = newId("ses");
  return runLasting({ ...place, dialect: mcpDialect, hello: ({ cwd }) => ({ door: "mcp", agent, cwd, session }) });
}

// The session lives in that one daemon; another one would not know the token.
async function serveSession(socketPath: string, token: string): Promise<number> {
  const caller = { input: process.stdin, output: pipeOutput() };
  let socket;
  try {
    socket = await openDoor(socketPath, { door: "mcp", token });
  } catch (error) {
    const { refuseCaller } = await import("../refused-caller.ts");
    return refuseCaller(error, caller);
  }
  const { endedBy, error } = await bridge({ socket, ...caller });
  if (error) {
    const { reportError } = await import("../exit.ts");
    const { connectionBroken } = await import("../errors.ts");
    return reportError(connectionBroken.create(`the connection to the daemon broke: ${error.message}`));
  }
  if (endedBy === "daemon") await tell("crucible: the daemon has closed the connection\n");
  return exitCodes.ok;
}
