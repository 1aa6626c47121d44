/**
 * Starts the agent to which a conversation is handed over: the port through which handoffs reach processes. It gets what an agent
 * gets that an editor starts (the editor's own `initialize`, its files, terminals and MCP servers), as far as its grant goes.
 */
import { initializeForAgent } from "../acp/capabilities.ts";
import { isRecord, type Listener } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";
import { systemPrompt, takesSystemPrompt } from "../agents/instructions.ts";
import type { HandoffPorts } from "../delegation/ports.ts";
import { narrowedTo } from "../kiln/child-kiln.ts";
import type { Grant } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import { begin, explained } from "./child-opener.ts";
import type { RunningAgents } from "./running-agents.ts";
import type { SessionFactory } from "./session-factory.ts";
import { hasTools } from "./tool-doors.ts";

export interface SuccessorOpenerParts {
  agents: RunningAgents;
  sessions: SessionFactory;
  version: string;
}

export function successorOpener({ agents, sessions, version }: SuccessorOpenerParts): HandoffPorts["openSuccessor"] {
  return async ({ id, predecessor, profile, grant, narrowing, title, note, client, signal }) => {
    const { root } = predecessor;
    const { cwd, additionalDirectories } = root;
    const { mcpServers, initialize: clientInitialize } = root.client;
    const session = sessions.create({
      id,
      origin: "handoff",
      profile,
      grant,
      narrowing,
      kiln: narrowedTo(grant, root.kiln),
      cwd,
      additionalDirectories,
      mcpServers,
      clientInitialize,
      parent: root,
      predecessor,
      title,
      client,
    });
    try {
      const initialize = initializeForAgent(clientInitialize, version);
      const agent = await agents.start({
        profile,
        initialize: { ...initialize, clientCapabilities: granted(initialize["clientCapabilities"], grant) },
        owner: throughEditorOf(root),
        sessionId: id,
        cwd,
        boundary: { worksFor: "agent", kiln: session.kiln },
        hasTools: hasTools(session),
        signal,
      });
      session.scope.add("agent", () => agent.end());
      const hasNote = takesSystemPrompt(agent);
      const given = {
        cwd,
        ...(additionalDirectories.length > 0 ? { additionalDirectories } : {}),
        mcpServers: grant.tools.has("mcp") ? usable(mcpServers, agent) : [],
        ...(hasNote ? systemPrompt([profile.instructions, note].filter(Boolean).join("\n\n")) : {}),
      };
      const params = await sessions.withExtras(given, session, agent);
      await begin({ session, agent, params, sessions, signal });
      session.opened();
      return { session, hasNote, promptCapabilities: capability(agent, "promptCapabilities"), gone: agent.gone };
    } catch (error) {
      await session.end("it could not be started");
      throw explained(error, profile);
    }
  };
}

/** What the agent says outside of its session goes to the editor, as the first agent's does. */
function throughEditorOf({ client }: Session): Listener {
  return {
    request: ({ method, params, signal }) => client.peer.request(method, params, { signal }),
    notification: (method, params) => client.peer.notify(method, params),
  };
}

function granted(capabilities: unknown, { tools }: Grant): Record<string, unknown> {
  const all = isRecord(capabilities) ? capabilities : {};
  const fs = isRecord(all["fs"]) ? all["fs"] : {};
  return {
    ...all,
    ...(tools.has("read") && tools.has("write")
      ? {}
      : {
          fs: {
            readTextFile: fs["readTextFile"] === true && tools.has("read"),
            writeTextFile: fs["writeTextFile"] === true && tools.has("write"),
          },
        }),
    ...(tools.has("execute") ? {} : { terminal: false }),
  };
}

/** The editor chose the transports of its servers for the first agent; another one may refuse a session with others. */
function usable(servers: readonly unknown[], agent: Agent): unknown[] {
  const transports = capability(agent, "mcpCapabilities");
  return servers.filter((server) => {
    const type = isRecord(server) ? (server["type"] ?? "stdio") : undefined;
    return type === "stdio" || (typeof type === "string" && transports[type] === true);
  });
}

function capability(agent: Agent, name: string): Record<string, unknown> {
  const capabilities = agent.initializeResult["agentCapabilities"];
  const one = isRecord(capabilities) ? capabilities[name] : undefined;
  return isRecord(one) ? one : {};
}
