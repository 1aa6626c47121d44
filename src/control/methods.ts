/**
 * What the command line can ask of the daemon: JSON-RPC methods with the shapes of their parameters and results.
 * Shapes only; the daemon answers them, the command line prints them. All times are milliseconds since the epoch unless the
 * name says otherwise.
 */
import type { Amount } from "../acp/traffic.ts";
import type { DelegationProgress, DelegationResult, DelegationStatus } from "../base/delegation.ts";
import type { ShownSandbox, StoredDetail, StoredMessage, StoredSession } from "./stored.ts";

export interface ControlMethods {
  status: { params: Record<string, never>; result: DaemonStatus };
  ps: { params: Record<string, never>; result: { roots: SessionNode[] } };
  /** Answers at once; the daemon then ends gracefully and closes the socket. */
  stop: { params: Record<string, never>; result: { pid: number } };
  /** Reads the config file again; on an error the old one stays and the error is the answer. */
  reload: { params: Record<string, never>; result: { changed: string[] } };
  /** One delegation for a person; `progress` notifications come before the result. Cancelled by `$/cancel_request`. */
  delegate: { params: DelegateParams; result: DelegationResult };
  /** Stored sessions, those last touched first; a search looks into everything that was said and done in them. */
  sessions: { params: SessionSearch; result: { sessions: StoredSession[]; store: StoreState } };
  /** `id` may be abbreviated to what is not ambiguous, here and below. */
  session: { params: { id: string; permissions: boolean }; result: StoredDetail };
  /** A page of a conversation; the last one is empty. */
  session_messages: { params: { id: string; after: number }; result: { messages: StoredMessage[] } };
  /** Deletes a session with all that descends from it. */
  delete_session: { params: { id: string }; result: { sessions: string[]; delegations: string[] } };
  /** Cancels a delegation, or what a session does now. */
  cancel: { params: { id: string }; result: { id: string; cancelled: string[] } };
  /** How to start an agent's own interactive login (ACP, terminal authentication). */
  terminal_auth: { params: { agent: string | undefined; method: string }; result: TerminalAuth };
}

export interface ControlNotifications {
  progress: DelegationProgress;
}

/** What the daemon asks of the command line, on the connection of an `attended` delegation. Taken back by `$/cancel_request`. */
export interface ControlQuestions {
  /** Parameters and answer of the protocol, with who asks in `_meta.crucible` (ACP, "Requesting Permission"). */
  "session/request_permission": { params: Record<string, unknown>; result: { outcome: Record<string, unknown> } };
}

export interface DaemonStatus {
  version: string;
  pid: number;
  startedAt: number;
  socket: string;
  configFile: string | null;
  /** How the file differs by now from what the daemon has read, in one sentence; null = not at all. */
  configChange: string | null;
  stateDirectory: string;
  logFile: string;
  /** Loopback address of the tools for agents; null until the first agent has needed them. */
  mcpUrl: string | null;
  /** Where spans are sent, and why the last ones did not arrive, if so; null where they are not asked for. */
  tracing: { endpoint: string; trouble: string | null } | null;
  editors: number;
  sessions: number;
  agents: number;
  delegations: { running: number; queued: number };
  /** Since the daemon started, by how they ended. */
  ended: Record<Exclude<DelegationStatus, "running" | "lost">, number>;
  /** What agents have said, and were told, since the daemon started. */
  relayed: { fromAgents: Amount; toAgents: Amount };
  /** Permission questions that wait for a human. */
  questions: number;
  /** Whether what is written is kept: since when it is not and why, and what memory did not hold either. */
  store: StoreState;
  residentBytes: number;
  /** How long the daemon has run, by a clock that nobody can set. */
  uptimeMs: number;
  /** What has an upper bound in the whole daemon, and how much of it is used. */
  limits: { name: string; used: number; most: number }[];
}

export interface StoreState {
  degradedSince: number | null;
  reason: string | null;
  lost: number;
}

export interface SessionSearch {
  search?: string | undefined;
  agent?: string | undefined;
  /** Those that delegations opened, too. */
  all?: boolean | undefined;
  limit: number;
}

export interface SessionNode {
  /** Null for a delegation that waits for a free place: it has no session yet. */
  sessionId: string | null;
  /** Who opened it. */
  origin: "editor" | "terminal" | "mcp" | "delegation" | "handoff";
  agent: string;
  state: "opening" | "idle" | "working" | "queued" | "ended";
  depth: number;
  cwd: string;
  startedAt: number;
  pid: number | null;
  residentBytes: number | null;
  /** What holds its agent; null without one. `lost` = what is not held. */
  sandbox: ShownSandbox | null;
  /** For a delegation's session. */
  delegation: { id: string; title: string; toolCalls: number } | null;
  children: SessionNode[];
}

export interface DelegateParams {
  agent: string;
  task: string;
  from?: string | undefined;
  cwd: string;
  context?: string | undefined;
  description?: string | undefined;
  model?: string | undefined;
  /** Somebody is there who answers `ControlQuestions`. */
  attended?: boolean | undefined;
}

export interface TerminalAuth {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
}
