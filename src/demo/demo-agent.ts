/**
 * What both demo agents are made of: an ACP agent on stdio that keeps its sessions and runs one piece of work for each
 * prompt. It has no model: the work is a plain function of the prompt and the folder.
 */
import { Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  agent,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  RequestError,
  type AgentContext,
  type ClientCapabilities,
  type McpServer,
  type NewSessionRequest,
  type SessionUpdate,
  type ToolCall,
  type ToolCallUpdate,
} from "@agentclientprotocol/sdk";
import { newId } from "../base/ids.ts";
import { programVersion } from "../base/version.ts";

/** One prompt, and the means to answer it. */
export interface DemoTurn {
  readonly sessionId: string;
  readonly cwd: string;
  readonly mcpServers: readonly McpServer[];
  /** The text blocks of the prompt, joined. */
  readonly request: string;
  readonly client: AgentContext;
  readonly clientCapabilities: ClientCapabilities;
  /** Aborts on `session/cancel`. */
  readonly signal: AbortSignal;
  say(text: string): Promise<void>;
  update(update: SessionUpdate): Promise<void>;
  /** Shows a tool call while `work` runs, with what `work` gives at its end. */
  showing<T>(call: ToolCall, work: () => Promise<ToolCallEnd<T>>): Promise<T>;
  /** A step that a person can see. */
  pace(): Promise<void>;
}

/** What a tool call came to: a value for the program, fields for the user. */
export interface ToolCallEnd<T> {
  value: T;
  shown?: Omit<ToolCallUpdate, "toolCallId">;
}

export interface DemoAgentOptions {
  name: string;
  title: string;
  /** Answers one prompt. */
  work: (turn: DemoTurn) => Promise<void>;
}

interface DemoSession extends Pick<NewSessionRequest, "cwd" | "mcpServers"> {
  turn: AbortController | undefined;
}

/** Serves the agent on stdio until the client closes it. `--pace MS` on the command line slows every step down. */
export async function runDemoAgent({ name, title, work }: DemoAgentOptions): Promise<void> {
  const { values } = parseArgs({ options: { pace: { type: "string", default: "0" } } });
  const paceMs = Number(values.pace);
  const sessions = new Map<string, DemoSession>();
  let clientCapabilities: ClientCapabilities = {};

  function find(sessionId: string): DemoSession {
    const session = sessions.get(sessionId);
    if (!session) throw RequestError.resourceNotFound(sessionId);
    return session;
  }

  const app = agent({ name })
    .onRequest(methods.agent.initialize, ({ params }) => {
      clientCapabilities = params.clientCapabilities ?? {};
      return {
        protocolVersion: PROTOCOL_VERSION,
        agentInfo: { name, title, version: programVersion() },
        agentCapabilities: { mcpCapabilities: { http: true }, sessionCapabilities: { close: {} } },
      };
    })
    .onRequest(methods.agent.session.new, ({ params: { cwd, mcpServers } }) => {
      const sessionId = newId("ses");
      sessions.set(sessionId, { cwd, mcpServers, turn: undefined });
      return { sessionId };
    })
    .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
      const { sessionId, prompt } = params;
      const session = find(sessionId);
      const turn = new AbortController();
      session.turn = turn;
      const request = prompt.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
      const { cwd, mcpServers } = session;
      const { signal } = turn;
      try {
        await work({
          sessionId,
          cwd,
          mcpServers,
          request,
          client,
          clientCapabilities,
          signal,
          ...steps({ sessionId, client, signal, paceMs }),
        });
        return { stopReason: "end_turn" };
      } catch (error) {
        if (signal.aborted) return { stopReason: "cancelled" };
        throw error instanceof RequestError ? error : RequestError.internalError(undefined, String(error));
      } finally {
        session.turn = undefined;
      }
    })
    .onNotification(methods.agent.session.cancel, ({ params }) => sessions.get(params.sessionId)?.turn?.abort())
    .onRequest(methods.agent.session.close, ({ params }) => {
      find(params.sessionId).turn?.abort();
      sessions.delete(params.sessionId);
      return {};
    });

  await app.connect(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin))).closed;
}

function steps(turn: {
  sessionId: string;
  client: AgentContext;
  signal: AbortSignal;
  paceMs: number;
}): Pick<DemoTurn, "say" | "update" | "showing" | "pace"> {
  const { sessionId, client, signal, paceMs } = turn;
  const update = (change: SessionUpdate): Promise<void> =>
    client.notify(methods.client.session.update, { sessionId, update: change });

  return {
    update,
    say: (text) => update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } }),
    async pace() {
      signal.throwIfAborted();
      if (paceMs > 0) await pause(paceMs, undefined, { signal });
    },
    async showing(call, work) {
      const { toolCallId } = call;
      await update({ ...call, sessionUpdate: "tool_call", status: "in_progress" });
      try {
        const { value, shown } = await work();
        await update({ status: "completed", ...shown, sessionUpdate: "tool_call_update", toolCallId });
        return value;
      } catch (error) {
        await update({ sessionUpdate: "tool_call_update", toolCallId, status: "failed" });
        throw error;
      }
    },
  };
}
