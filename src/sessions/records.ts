/**
 * What is kept of sessions and delegations beyond the life of a process, and the one interface behind which it is kept.
 * Parent and child are tied by ids alone, so that they need not live in the same daemon.
 */
import type { DelegationFailure, DelegationStatus, DelegationUsage, TriedAgent } from "../base/delegation.ts";
import type { Events } from "../observe/bus.ts";
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
  /** As the agent calls it, or the first words of the first prompt; empty until there is either. */
  title: string;
  /** As its agent last reported it. */
  usage: DelegationUsage;
  createdAt: number;
  updatedAt: number;
  /** Null while it is open. */
  endedAt: number | null;
  /** Why it ended; empty while it is open. */
  endReason: string;
  /** What held its agent, and what it did not hold; null until it has one. */
  sandbox: { mechanism: string; strength: string; lost: readonly string[] } | null;
}

/** What changes in the life of a session. */
export type SessionChange = Partial<Pick<SessionRecord, "title" | "usage" | "updatedAt" | "endedAt" | "endReason">>;

/** Which sessions to list; what is left out does not narrow. */
export interface SessionQuery {
  profile?: string | undefined;
  cwd?: string | undefined;
  /** Only those that no other session opened. */
  isRoot?: boolean | undefined;
  /** Those touched longest ago come first instead of last. */
  isOldestFirst?: boolean | undefined;
  /** Those after this one in the order of the list: for the next page. */
  after?: Pick<SessionRecord, "id" | "updatedAt"> | undefined;
  limit: number;
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

/** Who said it. `crucible`: no message, but a note about the transcript itself, such as how much of it could not be kept. */
export type Sender = "client" | "agent" | "crucible";

/** One message of a conversation as it was relayed, under Crucible's own session id. */
export interface RelayedMessage {
  sessionId: string;
  /** Of those of its session; the first has 1. */
  number: number;
  at: number;
  from: Sender;
  /** The JSON-RPC method; that of the question, for an answer. */
  method: string;
  /** Its parameters, or for an answer `{ answer }` or `{ error }`. */
  params: unknown;
}

/** A message on its way into the store, which numbers it. */
export interface NewMessage extends Omit<RelayedMessage, "number"> {
  /** The whole line it came in, where there is one: spares writing the params anew. */
  line?: string | undefined;
}

/** One decision about something an agent wanted to do. */
export type PermissionRecord = Omit<Events["permission.decided"], "agent">;

/** What went with a session. */
export interface Deleted {
  /** The session and all that descended from it. */
  sessionIds: string[];
  /** Those that these sessions had asked for. */
  delegationIds: string[];
}

/** Whether what is written is kept. */
export interface StoreHealth {
  /** Since when it is kept in memory only, in milliseconds since 1970; null while all is well. */
  degradedSince: number | null;
  reason: string | null;
  /** Records and messages that memory did not hold either, in the life of this daemon. */
  lost: number;
}

/**
 * What is written is seen by whoever reads next; messages and changes of sessions reach the disk a moment later. Nothing but
 * `deleteSession` throws: a store that cannot write says so through its health and a warning, and goes on in memory.
 */
export interface Store {
  saveSession(record: SessionRecord): void;
  /** Changes some fields of a session that is there. */
  updateSession(id: string, change: SessionChange): void;
  findSession(id: string): SessionRecord | undefined;
  /** Those last touched first. */
  listSessions(query: SessionQuery): SessionRecord[];
  /** Those opened by a session, oldest first. */
  childrenOf(sessionId: string): SessionRecord[];
  /** The session that stands for an agent's own conversation. */
  findAgentSession(profile: string, agentSessionId: string): SessionRecord | undefined;
  /** A session and all that descends from it; empty if it is not stored. */
  treeOf(id: string): SessionRecord[];
  /** Deletes a session with all that descends from it and everything kept of these. Throws CRU_STORE_UNWRITABLE. */
  deleteSession(id: string): Deleted;
  saveDelegation(record: DelegationRecord): void;
  findDelegation(id: string): DelegationRecord | undefined;
  /** Those a session asked for itself, oldest first. */
  delegationsOf(callerSessionId: string): DelegationRecord[];
  /** What is named of those, without their results, which may be large. */
  delegationNames(callerSessionId: string): { id: string; title: string }[];
  /** Up to `limit` ids of sessions and delegations that begin so. */
  idsBeginning(prefix: string, limit: number): string[];
  appendMessage(message: NewMessage): void;
  /** The conversation of a session from its first message on, or from behind number `after`. */
  messagesOf(sessionId: string, range?: { after?: number; limit?: number }): RelayedMessage[];
  /** Messages of a session behind number `after` in which a text may stand: those near it, for a closer look. */
  messagesNear(sessionId: string, text: string, after: number): RelayedMessage[];
  savePermission(record: PermissionRecord): void;
  /** Of one session, the oldest first. */
  permissionsOf(sessionId: string): PermissionRecord[];
  saveHandoff(record: HandoffRecord): void;
  /** Of one session, the oldest first. */
  handoffsOf(sessionId: string): HandoffRecord[];
  /**
   * At start: whatever was under way when the last daemon ended has an unknown outcome. `lost` says what is kept of a delegation.
   * Returns how many there were.
   */
  markLost(lost?: (record: DelegationRecord) => DelegationRecord): number;
  readonly health: StoreHealth;
  /** What is stored, in bytes; without what is free in the file for what comes next. */
  bytes(): number;
  /** Gives some of what is free in the file back to the disk. True when nothing is left to give. */
  shrink(): boolean;
  /** Writes at once what was appended of a session: it outlives the daemon, however that ends. */
  writeMessages(sessionId: string): void;
  close(): void;
}
