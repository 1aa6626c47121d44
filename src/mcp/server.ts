/**
 * The MCP server one session sees: which tools stand in its list, and what a call of them does. A session that may not
 * delegate sees an empty list, but a call is still answered with the rule that forbids it, so that a model learns why.
 */
import { SdkError, SdkErrorCode, Server, type CallToolResult } from "@modelcontextprotocol/server";
import { z } from "zod";
import { oneLine } from "../base/text.ts";
import { programVersion } from "../base/version.ts";
import { rpcCodes, RpcError } from "../acp/wire.ts";
import { mayDelegate } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import { advertisedSchema } from "./advertised-schema.ts";
import { wrongArguments } from "./errors.ts";
import { toToolError } from "./result-text.ts";
import { toolServerName, type Tool, type ToolCall, type ToolContext } from "./tool.ts";
import { allCallTools, callTools } from "./tools/call-agent.ts";
import { cancelDelegation } from "./tools/cancel-delegation.ts";
import { delegateSession } from "./tools/delegate-session.ts";
import { dynamicAgentTools } from "./tools/dynamic-agents.ts";
import { handoffSession } from "./tools/handoff-session.ts";
import { listDelegations } from "./tools/list-delegations.ts";
import { readDelegation } from "./tools/read-delegation.ts";
import { sendToDelegation } from "./tools/send-to-delegation.ts";
import { waitDelegation } from "./tools/wait-delegation.ts";

/** For what was delegated already. */
const followUpTools: readonly Tool[] = [
  waitDelegation,
  readDelegation,
  listDelegations,
  sendToDelegation,
  cancelDelegation,
];

/** The tools of a session, in the order of its list; as its profile says. */
function toolsOf(session: Session, context: ToolContext): Tool[] {
  const { tools, dynamicAgents } = session.profile.delegation;
  return [
    ...(tools === "per_agent" ? [] : [delegateSession]),
    ...(tools === "delegate" ? [] : callTools(session, context)),
    ...followUpTools,
    ...(dynamicAgents ? dynamicAgentTools : []),
  ];
}

/** Also those that are not listed now, so that a call of one is answered with the rule that forbids it. */
function callable(session: Session, context: ToolContext): Tool[] {
  const { tools } = session.profile.delegation;
  return [
    ...toolsOf(session, context),
    delegateSession,
    handoffSession,
    ...(tools === "delegate" ? [] : allCallTools(session, context)),
  ];
}

function listFor(session: Session, context: ToolContext): Tool[] {
  return [
    ...(mayDelegate(session) ? toolsOf(session, context) : []),
    ...(context.handoffs.isOffered(session) ? [handoffSession] : []),
  ];
}

export function createToolServer(session: Session, context: ToolContext): Server {
  const server = new Server(
    { name: toolServerName, title: "Crucible", version: programVersion() },
    { capabilities: { tools: {} } },
  );

  server.setRequestHandler("tools/list", () => ({
    tools: listFor(session, context).map((tool) => ({
      name: tool.name,
      title: tool.title,
      description: tool.describe(session, context),
      inputSchema: advertisedSchema(tool.input),
    })),
  }));

  server.setRequestHandler("tools/call", async (request, { mcpReq, http, sessionId }) => {
    const { name, arguments: input } = request.params;
    const tool = callable(session, context).find((one) => one.name === name);
    // In the 2026 revision a request over HTTP stands alone, and closing its stream is the way to cancel it (MCP, "Cancellation").
    const standsAlone = http !== undefined && sessionId === undefined;
    if (!tool) throw new RpcError({ code: rpcCodes.invalidParams, message: `unknown tool: ${oneLine(name, 100)}` });

    const progressToken = mcpReq._meta?.progressToken;
    let progress = 0;
    return callTool(tool, input ?? {}, context, {
      session,
      signal: standsAlone ? mcpReq.signal : unlessCut(mcpReq.signal),
      hearsProgress: progressToken !== undefined,
      progress(message) {
        if (progressToken === undefined) return;
        progress++;
        // A caller that is gone cannot be told; the outcome is kept all the same.
        mcpReq
          .notify({ method: "notifications/progress", params: { progressToken, progress, message } })
          .catch(() => {});
      },
    });
  });

  return server;
}

/**
 * Aborts when the caller cancels, and not when its connection is only cut: what it asked for goes on then, and can be read later
 * (MCP, "Streamable HTTP": a disconnection is no cancellation).
 */
function unlessCut(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  signal.addEventListener("abort", () => !isCut(signal.reason) && controller.abort(signal.reason), { once: true });
  return controller.signal;
}

function isCut(reason: unknown): boolean {
  return reason instanceof SdkError && reason.code === SdkErrorCode.ConnectionClosed;
}

async function callTool(tool: Tool, input: unknown, context: ToolContext, call: ToolCall): Promise<CallToolResult> {
  const checked = tool.input.safeParse(input);
  if (!checked.success) return invalidInput(tool, checked.error);
  try {
    return await tool.run(checked.data as never, call, context);
  } catch (error) {
    return toToolError(error);
  }
}

function invalidInput(tool: Tool, error: z.ZodError): CallToolResult {
  const message = `the arguments of ${tool.name} are not right:\n${z.prettifyError(error)}`;
  return toToolError(wrongArguments.create(message, { hint: "call it again with arguments as its schema says" }));
}
