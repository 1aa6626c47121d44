/**
 * What a tool offered to agents is: data for the list, and a function for the call. One file for each tool under `tools/`.
 */
import type { CallToolResult } from "@modelcontextprotocol/server";
import type { z } from "zod";
import type { Config } from "../config/config.ts";
import type { Delegations } from "../delegation/delegations.ts";
import type { Handoffs } from "../delegation/handoff.ts";
import type { Bus } from "../observe/bus.ts";
import type { Session } from "../sessions/session.ts";
import type { Store } from "../sessions/records.ts";

/** The server's name as agents see it; it becomes part of the tool names models see. */
export const toolServerName = "crucible";

export interface ToolContext {
  config: () => Config;
  delegations: Delegations;
  handoffs: Handoffs;
  store: Store;
  bus: Bus;
}

export interface ToolCall {
  /** The session whose agent calls. Known from its token, never from what the agent says. */
  session: Session;
  /** Aborts when the caller cancels the call. */
  signal: AbortSignal;
  /** Tells a waiting caller one line; does nothing when the caller gave no progress token (MCP, "Progress"). */
  progress(line: string): void;
  /** Whether the caller gave such a token. */
  hearsProgress: boolean;
}

export interface Tool {
  name: string;
  title: string;
  /** Written for a model that has never seen Crucible. */
  describe(session: Session, context: ToolContext): string;
  input: z.ZodObject;
  /** `input` was checked against the schema. */
  run(input: never, call: ToolCall, context: ToolContext): Promise<CallToolResult>;
}

/** Declares a tool, with its `run` typed by its own schema. */
export function defineTool<Input extends z.ZodObject>(tool: {
  name: string;
  title: string;
  describe(session: Session, context: ToolContext): string;
  input: Input;
  run(input: z.output<Input>, call: ToolCall, context: ToolContext): Promise<CallToolResult>;
}): Tool {
  return tool;
}
