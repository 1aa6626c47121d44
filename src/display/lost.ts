/**
 * What an editor is told of delegations that a daemon left open when it died: it shows them as running still, and nobody will
 * tell it more.
 */
import { subagentUpdate, wantsSubagents } from "../acp/subagents.ts";
import type { DelegationRecord, Store } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";

/** Ends, in the editor of this root session, what became `lost` since `since` (milliseconds since 1970), at any depth. */
export function tellLostDelegations(root: Session, { store, since }: { store: Store; since: number }): void {
  for (const record of delegationsBelow(root.id, store)) {
    if (record.status === "lost" && (record.endedAt ?? 0) >= since) tell(root, record);
  }
}

function* delegationsBelow(callerId: string, store: Store): Generator<DelegationRecord> {
  for (const record of store.delegationsOf(callerId)) {
    yield record;
    if (record.childSessionId !== null) yield* delegationsBelow(record.childSessionId, store);
  }
}

function tell(root: Session, { id, callerSessionId, childSessionId, error }: DelegationRecord): void {
  if (wantsSubagents(root.client.capabilities) && childSessionId !== null) {
    // No claim that it failed: it may have done all it was asked.
    const update = subagentUpdate({ sessionId: childSessionId, capabilities: null, state: { state: "unknown" } });
    root.client.peer.notify("session/update", { sessionId: callerSessionId, update });
    return;
  }
  const text = error?.message ?? "its outcome is unknown: the daemon ended meanwhile";
  const content = [{ type: "content", content: { type: "text", text } }];
  const update = { sessionUpdate: "tool_call_update", toolCallId: `crucible:${id}`, status: "failed", content };
  root.tellClient("session/update", { update });
}
