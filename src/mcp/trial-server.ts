/** The MCP server that an agent finds when it is only tried: one tool that nobody calls, and whether it was asked for. */
import { Server } from "@modelcontextprotocol/server";
import { programVersion } from "../base/version.ts";
import { toolServerName } from "./tool.ts";

export function createTrialServer(onListed: () => void): Server {
  const server = new Server({ name: toolServerName, version: programVersion() }, { capabilities: { tools: {} } });
  server.setRequestHandler("tools/list", () => {
    onListed();
    const description = "Stands for Crucible's tools while an agent is tried.";
    return { tools: [{ name: "delegate_session", description, inputSchema: { type: "object" as const } }] };
  });
  return server;
}
