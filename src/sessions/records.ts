/**
 * What is kept of sessions and delegations beyond the life of a process, and the one interface behind which it is kept.
 * Parent and child are tied by ids alone, so that they need not live in the same daemon.
 */
import type { DelegationFailure, DelegationStatus, DelegationUsage, TriedAgent } from "../base/delegation.ts";
import type { SessionOrigin } from "./session.ts";

export interface SessionRecord {
  id: string;
  origin: SessionOrigin;
  profile: string;
  /** The agent's own id of the conversation; null until it gave one. */
  agentSessionId: string | null;
  parentId: string | null;
  cwd: string;
  additionalDirectories: string[];
  title: string;
  createdAt: number;
  updatedAt: number;
}

export interface DelegationRecord {
  id: string;
  callerSessionId: string;
  childSessionId: string | null;
  agent: string;
  title: string;
  task: string;
  status: DelegationStatus | "queued";
  /** The whole text, never cut to `result_max_bytes`. */
  result: string;
  stopReason: string | null;
  error: DelegationFailure | null;
  tried: TriedAgent[];
  /** What the caller should know of how it was done. */
  notes: string[];
  artifacts: Record<string, unknown>[];
  usage: DelegationUsage;
  createdAt: number;
  endedAt: number | null;
}

/** One time that a conversation was handed from one agent to another. */
export interface HandoffRecord {
  sessionId: string;
  /** Of those of its session; the first has 1. */
  number: number;
  from: string;
  agent: string;
  beganAt: number;
  /** Null while that agent has the conversation, and when it still had it at the end of the session. */
  endedAt: number | null;
}

/** Writes are done when the call returns; a store that cannot write says so through its warning and keeps serving reads. */
export interface Store {
  saveSession(record: SessionRecord): void;
  findSession(id: string): SessionRecord | undefined;
  /** The session that stands for an agent's own conversation. */
  findAgentSession(profile: string, agentSessionId: string): SessionRecord | undefined;
  deleteSession(id: string): void;
  saveDelegation(record: DelegationRecord): void;
  findDelegation(id: string): DelegationRecord | undefined;
  /** Those a session asked for itself, oldest first. */
  delegationsOf(callerSessionId: string): DelegationRecord[];
  saveHandoff(record: HandoffRecord): void;
  /** Of one session, the oldest first. */
  handoffsOf(sessionId: string): HandoffRecord[];
  /** At start: whatever was under way when the last daemon ended has an unknown outcome. Returns how many. */
  markLost(): number;
  close(): void;
}
