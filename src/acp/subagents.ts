/**
 * Child sessions on the wire: the `subagent_update` of the draft "Subagent Sessions" as the SDK's unstable schema of protocol
 * version 1 has it. Drafts before it used other names (`subagent_spawned`, `subagentSessionId`); whatever changes again changes
 * here. When a child is announced and what becomes of it is decided elsewhere.
 */
import { isRecord } from "./wire.ts";

/** What a child does now (schema, `StateUpdate`). Everything but `running` and `requires_action` ends its work. */
export type SubagentState =
  | { state: "running" }
  /** It waits for an answer of the user. */
  | { state: "requires_action" }
  | { state: "idle"; stopReason: SubagentStopReason; error?: { code: number; message: string } }
  /** Nobody can say any more; no claim that it failed or was cancelled. */
  | { state: "unknown" };

export type SubagentStopReason = "end_turn" | "max_tokens" | "max_turn_requests" | "refusal" | "cancelled" | "error";

/** One `subagent_update`, sent on the session of the immediate parent. What is left out stays as it was; null clears it. */
export interface SubagentUpdate {
  /** The child's. */
  sessionId: string;
  title?: string;
  description?: string;
  /** What the client may do to the child; with `cancel`, send `session/cancel` under its id. */
  capabilities?: { cancel: Record<string, never> } | null;
  state?: SubagentState;
  /** Absolute. */
  cwd?: string;
  additionalDirectories?: readonly string[];
  _meta?: Record<string, unknown>;
}

/** Whether a client asked for child sessions: `subagents: {}` in its capabilities; left out or null, it did not. */
export function wantsSubagents(clientCapabilities: Readonly<Record<string, unknown>>): boolean {
  return isRecord(clientCapabilities["subagents"]);
}

/** The `update` of a `session/update` notification. */
export function subagentUpdate(update: SubagentUpdate): Record<string, unknown> {
  return { sessionUpdate: "subagent_update", ...update };
}
