/**
 * What `crucible sessions` tells of stored sessions and delegations: shapes, and how much may be asked for at once. Times
 * are milliseconds since the epoch, null for what has not happened.
 */
import type { DelegationFailure, DelegationUsage } from "../base/delegation.ts";

/** Longest text that `crucible sessions list --search` takes, in characters. */
export const maxSearchCharacters = 1000;

/** Most sessions that are listed at once. */
export const maxListedSessions = 10_000;

/** What held an agent (docs/guides/sandbox.md); `lost` = what was not held. */
export interface ShownSandbox {
  readonly mechanism: string;
  readonly strength: string;
  readonly lost: readonly string[];
}

export interface StoredSession {
  id: string;
  /** Who opened it. */
  origin: "editor" | "terminal" | "mcp" | "delegation" | "handoff";
  agent: string;
  title: string;
  cwd: string;
  /** As `crucible ps` shows it while it lives here; `open` in another daemon; else `ended`. */
  state: "opening" | "idle" | "working" | "open" | "ended";
  createdAt: number;
  updatedAt: number;
  endedAt: number | null;
  /** Delegations it asked for itself. */
  delegations: number;
  /** For a search: where the text was found, in one line. */
  found?: string | undefined;
}

export interface StoredDelegation {
  id: string;
  agent: string;
  title: string;
  status: string;
  sessionId: string | null;
  createdAt: number;
  endedAt: number | null;
  resultBytes: number;
  usage: DelegationUsage;
  error: DelegationFailure | null;
  /** Null when no agent was started for it, as in `SessionDetail`. */
  sandbox: ShownSandbox | null;
  /** What its own session asked for. */
  delegations: StoredDelegation[];
}

/** One prompt and what became of it. */
export interface StoredTurn {
  /** Number of its first message in the transcript. */
  number: number;
  at: number;
  /** First words. */
  prompt: string;
  /** Last words of the agent. */
  answer: string;
  toolCalls: number;
  /** Null if it never ended. */
  stopReason: string | null;
}

export interface StoredPermission {
  sessionId: string;
  /** Whose agent asked. */
  agent: string;
  at: number;
  kind: string;
  subject: string;
  title: string;
  decision: string;
  decidedBy: string;
  detail: string;
}

/** What stands in sessions that are open. */
export interface StandingPermissions {
  /** In the order in which they were asked. */
  questions: {
    id: string;
    sessionId: string;
    agent: string;
    title: string;
    kind: string;
    subject: string;
    askedAt: number;
    /** Null while it stands in line behind another of its tree. */
    putAt: number | null;
  }[];
  /** What humans said "always" and "never" to; it ends with its session. */
  remembered: { sessionId: string; agent: string; allows: boolean; kind: string; subjects: string[]; at: number }[];
}

export interface SessionDetail extends StoredSession {
  additionalDirectories: string[];
  usage: DelegationUsage;
  endReason: string;
  sandbox: ShownSandbox | null;
  /** From the root to its parent. */
  lineage: { id: string; agent: string; title: string }[];
  messages: number;
  /** The latest ones; `droppedTurns` came before. */
  turns: StoredTurn[];
  droppedTurns: number;
  delegationTree: StoredDelegation[];
  handoffs: { from: string; agent: string; beganAt: number; endedAt: number | null }[];
  /** Of the session and all that descends from it; only where asked for. */
  permissions?: StoredPermission[] | undefined;
  /** The same, of what is open and remembered now. */
  standing?: StandingPermissions | undefined;
}

export interface DelegationDetail extends StoredDelegation {
  callerSessionId: string;
  task: string;
  result: string;
  stopReason: string | null;
  notes: string[];
  artifacts: Record<string, unknown>[];
}

/** What an id stands for: a session, or a delegation with the session that worked for it. */
export interface StoredDetail {
  delegation: DelegationDetail | null;
  session: SessionDetail | null;
}

/** One message of a conversation as it was relayed (docs/concepts/sessions.md, "What is kept"). */
export interface StoredMessage {
  sessionId: string;
  number: number;
  at: number;
  from: string;
  method: string;
  params: unknown;
}
