/**
 * What Crucible itself shows in a conversation besides what its agent says: cards of delegations. Stored among the messages, as
 * Crucible's own, so that they are shown again where the store tells a conversation; they were no part of it for the agent.
 */
import type { Sender, Store } from "./records.ts";

export function noteShown(store: Store, sessionId: string, update: Record<string, unknown>): void {
  const params = { sessionId, update };
  store.appendMessage({ sessionId, at: Date.now(), from: "crucible", method: "session/update", params });
}

export function isShownNote({ from, method }: { from: Sender; method: string }): boolean {
  return from === "crucible" && method === "session/update";
}
