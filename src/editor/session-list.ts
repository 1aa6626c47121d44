/**
 * The agent's list of conversations under the daemon's own ids. A conversation seen for the first time gets an id that is kept,
 * so that an editor finds it again tomorrow; conversations that were delegations or handed over are not an editor's business.
 */
import { isRecord } from "../acp/wire.ts";
import { newId } from "../base/ids.ts";
import type { SessionRecord, Store } from "../sessions/records.ts";

export function withOwnIds(result: unknown, profile: string, store: Store): unknown {
  if (!isRecord(result) || !Array.isArray(result["sessions"])) return result;
  const sessions = (result["sessions"] as unknown[]).flatMap((entry) => {
    if (!isRecord(entry) || typeof entry["sessionId"] !== "string") return [entry];
    const record = store.findAgentSession(profile, entry["sessionId"]) ?? remember(entry, profile, store);
    return record.parentId === null ? [{ ...entry, sessionId: record.id }] : [];
  });
  return { ...result, sessions };
}

function remember(entry: Record<string, unknown>, profile: string, store: Store): SessionRecord {
  const now = Date.now();
  const record: SessionRecord = {
    id: newId("ses"),
    origin: "editor",
    profile,
    agentSessionId: String(entry["sessionId"]),
    parentId: null,
    cwd: typeof entry["cwd"] === "string" ? entry["cwd"] : "",
    additionalDirectories: [],
    title: typeof entry["title"] === "string" ? entry["title"] : "",
    usage: { tokens: null, cost: null },
    createdAt: now,
    updatedAt: now,
    endedAt: now,
    endReason: "it was begun before Crucible knew of it",
  };
  store.saveSession(record);
  return record;
}
