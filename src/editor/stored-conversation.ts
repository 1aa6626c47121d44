/**
 * A conversation as the store has it: told again to an editor whose agent cannot do that (ACP, "Loading Sessions"), and brought
 * back into the memory of a session that is opened again.
 */
import { isRecord } from "../acp/wire.ts";
import type { Store } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import { isShownNote } from "../sessions/shown-notes.ts";
import { storedMessages } from "../sessions/stored-messages.ts";

/** What belongs to a conversation; other updates tell how things stood when they were sent. */
const conversationKinds: ReadonlySet<unknown> = new Set([
  "user_message_chunk",
  "agent_message_chunk",
  "agent_thought_chunk",
  "tool_call",
  "tool_call_update",
  "plan",
]);

export function isOfConversation(params: unknown): boolean {
  const update = isRecord(params) ? params["update"] : undefined;
  return isRecord(update) && conversationKinds.has(update["sessionUpdate"]);
}

export function hasStoredConversation(store: Store, sessionId: string): boolean {
  return store.messagesOf(sessionId, { limit: 1 }).length > 0;
}

/** Sends what was said as `session/update`s, in order. What never came to its end is told as failed. */
export function retell(session: Session, store: Store): void {
  const tell = (update: unknown): void => session.tellClient("session/update", { update });
  const open = new Set<unknown>();
  for (const { method, params, isNote } of said(store, session.id)) {
    // Its card is shown as it is now, by those who know.
    if (isNote && goesOn(store, params)) continue;
    if (method === "session/prompt") {
      for (const content of blocksIn(params)) tell({ sessionUpdate: "user_message_chunk", content });
    } else if (isOfConversation(params) && isRecord(params["update"])) {
      const { update } = params;
      if (isEnd(update["status"])) open.delete(update["toolCallId"]);
      else if (update["sessionUpdate"] === "tool_call") open.add(update["toolCallId"]);
      tell(update);
    }
  }
  for (const toolCallId of open) tell(lostToolCall(toolCallId));
}

/** Has the session know what was said before it was opened again. */
export function recall(session: Session, store: Store): void {
  const { transcript } = session;
  if (transcript.turns().length > 0) return;
  for (const { method, params, isNote } of said(store, session.id)) {
    if (isNote) continue;
    if (method === "session/prompt") transcript.prompted(params);
    else transcript.updated(params);
  }
}

/** For a tool call that nobody will tell more about. */
export function lostToolCall(toolCallId: unknown): Record<string, unknown> {
  const text = "what became of this is unknown: its agent, or the daemon, ended meanwhile";
  const content = [{ type: "content", content: { type: "text", text } }];
  return { sessionUpdate: "tool_call_update", toolCallId, status: "failed", content };
}

interface Said {
  method: "session/prompt" | "session/update";
  params: Record<string, unknown>;
  /** Crucible has shown it, and the agent did not say it. */
  isNote: boolean;
}

function* said(store: Store, sessionId: string): Generator<Said> {
  for (const { from, method, params } of storedMessages(store, sessionId)) {
    if (!isRecord(params) || (method !== "session/prompt" && method !== "session/update")) continue;
    // What became of a prompt is written down under its method, too.
    if (method === "session/prompt" && !Array.isArray(params["prompt"])) continue;
    yield { method, params, isNote: isShownNote({ from, method }) };
  }
}

/** Whether the delegation of a card is not at its end. */
function goesOn(store: Store, { update }: Record<string, unknown>): boolean {
  const [, id = ""] = String(isRecord(update) ? update["toolCallId"] : "").split(":");
  const status = store.findDelegation(id)?.status;
  return status === "queued" || status === "running";
}

function blocksIn({ prompt }: Record<string, unknown>): unknown[] {
  return Array.isArray(prompt) ? (prompt as unknown[]) : [];
}

function isEnd(status: unknown): boolean {
  return status === "completed" || status === "failed";
}
