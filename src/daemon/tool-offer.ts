/**
 * How a session's agent reaches its tools: over HTTP on loopback where the agent can, else through a `crucible mcp` process that
 * the agent starts itself. Either way with a token that stands for this one session (ACP, "Session Setup", MCP servers).
 */
import { fileURLToPath } from "node:url";
import { isRecord } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";
import { toolServerName } from "../mcp/tool.ts";

const program = fileURLToPath(new URL("../../bin/crucible.js", import.meta.url));

export interface ToolOffer {
  /** Of the session whose tools they are. */
  token: string;
  /** Undefined for an agent that cannot reach the loopback of this machine. */
  mcpUrl: string | undefined;
  socketPath: string;
}

/** Entries for `mcpServers`. */
export function offerTools(agent: Agent, { token, mcpUrl, socketPath }: ToolOffer): Record<string, unknown>[] {
  if (mcpUrl !== undefined && takesHttp(agent)) {
    const headers = [{ name: "Authorization", value: `Bearer ${token}` }];
    return [{ type: "http", name: toolServerName, url: mcpUrl, headers }];
  }
  return [
    {
      name: toolServerName,
      command: process.execPath,
      args: [program, "mcp"],
      env: [
        { name: "CRUCIBLE_SOCKET", value: socketPath },
        { name: "CRUCIBLE_SESSION_TOKEN", value: token },
      ],
    },
  ];
}

function takesHttp(agent: Agent): boolean {
  const capabilities = agent.initializeResult["agentCapabilities"];
  const mcp = isRecord(capabilities) ? capabilities["mcpCapabilities"] : undefined;
  return isRecord(mcp) && mcp["http"] === true;
}
