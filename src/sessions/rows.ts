/** Records as rows of the database, and back. */
import type { DelegationRecord, HandoffRecord, PermissionRecord, SessionRecord } from "./records.ts";

export type Row = Record<string, unknown>;

/** In the order of the table's columns. */
export function fromSession(record: SessionRecord): unknown[] {
  return [
    record.id,
    record.origin,
    record.profile,
    record.agentSessionId,
    record.parentId,
    record.cwd,
    JSON.stringify(record.additionalDirectories),
    withoutNul(record.title),
    record.createdAt,
    record.updatedAt,
    JSON.stringify(record.usage),
    record.endedAt,
    withoutNul(record.endReason),
    record.sandbox && JSON.stringify(record.sandbox),
  ];
}

export function toSession(row: Row): SessionRecord {
  return {
    id: String(row["id"]),
    origin: row["origin"] as SessionRecord["origin"],
    profile: String(row["profile"]),
    agentSessionId: row["agent_session_id"] as string | null,
    parentId: row["parent_id"] as string | null,
    cwd: String(row["cwd"]),
    additionalDirectories: JSON.parse(String(row["additional_directories"])) as string[],
    title: String(row["title"]),
    createdAt: Number(row["created_at"]),
    updatedAt: Number(row["updated_at"]),
    usage: JSON.parse(String(row["usage"])) as SessionRecord["usage"],
    endedAt: row["ended_at"] as number | null,
    endReason: String(row["end_reason"]),
    sandbox: typeof row["sandbox"] === "string" ? (JSON.parse(row["sandbox"]) as SessionRecord["sandbox"]) : null,
  };
}

/** In the order of the table's columns. */
export function fromDelegation(record: DelegationRecord): unknown[] {
  return [
    record.id,
    record.callerSessionId,
    record.childSessionId,
    record.agent,
    Buffer.from(record.title),
    Buffer.from(record.task),
    record.status,
    Buffer.from(record.result),
    record.stopReason,
    record.error && JSON.stringify(record.error),
    JSON.stringify(record.tried),
    JSON.stringify(record.artifacts),
    JSON.stringify(record.usage),
    record.createdAt,
    record.endedAt,
    JSON.stringify(record.notes),
  ];
}

export function toDelegation(row: Row): DelegationRecord {
  return {
    id: String(row["id"]),
    callerSessionId: String(row["caller_session_id"]),
    childSessionId: row["child_session_id"] as string | null,
    agent: String(row["agent"]),
    title: textOf(row["title"]),
    task: textOf(row["task"]),
    status: row["status"] as DelegationRecord["status"],
    result: textOf(row["result"]),
    stopReason: row["stop_reason"] as string | null,
    error: typeof row["error"] === "string" ? (JSON.parse(row["error"]) as DelegationRecord["error"]) : null,
    tried: JSON.parse(String(row["tried"])) as DelegationRecord["tried"],
    artifacts: JSON.parse(String(row["artifacts"])) as DelegationRecord["artifacts"],
    usage: JSON.parse(String(row["usage"])) as DelegationRecord["usage"],
    createdAt: Number(row["created_at"]),
    endedAt: row["ended_at"] as number | null,
    notes: JSON.parse(String(row["notes"])) as DelegationRecord["notes"],
  };
}

/** In the order of the table's columns. */
export function fromHandoff({ sessionId, number, from, agent, beganAt, endedAt }: HandoffRecord): unknown[] {
  return [sessionId, number, from, agent, beganAt, endedAt];
}

export function toHandoff(row: Row): HandoffRecord {
  return {
    sessionId: String(row["session_id"]),
    number: Number(row["number"]),
    from: String(row["from_agent"]),
    agent: String(row["agent"]),
    beganAt: Number(row["began_at"]),
    endedAt: row["ended_at"] as number | null,
  };
}

/** In the order of the table's columns. */
export function fromPermission(record: PermissionRecord): unknown[] {
  return [record.id, record.sessionId, record.at, JSON.stringify(record)];
}

export function toPermission(row: Row): PermissionRecord {
  return JSON.parse(String(row["record"])) as PermissionRecord;
}

/** A text that is kept as bytes, since one with a NUL in it would be cut there. */
export function textOf(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString("utf8");
}

function withoutNul(text: string): string {
  return text.replaceAll("\0", "");
}
