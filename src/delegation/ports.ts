/**
 * What delegation needs of the rest of the house, in its own words. It knows no process and no socket; the daemon supplies
 * these.
 */
import type { Peer } from "../acp/wire.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import type { Bus } from "../observe/bus.ts";
import type { Grant, Narrowing } from "../sessions/grant.ts";
import type { Kiln } from "../sessions/kiln.ts";
import type { SessionRecord, Store } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import type { Budget } from "./budget.ts";
import type { AgentDirectory } from "./policy.ts";

export interface ChildRequest {
  /** The session's id. */
  id: string;
  caller: Session;
  profile: AgentProfile;
  grant: Grant;
  narrowing: Narrowing;
  /** Overrides the profile's. */
  model: string | undefined;
  /** Overrides the profile's. */
  mode: string | undefined;
  /** Goes on with this stored session instead of a new one. */
  continues: SessionRecord | undefined;
  /** Begins with a copy of the caller's own conversation where the agent can make one, else without. */
  asFork: boolean;
  title: string;
  kiln: Kiln;
  cwd: string;
  /** Hears the child's updates. */
  client: Peer;
  /** Hears what the caller should know of how it was opened, each a sentence without its full stop. */
  onNote: (note: string) => void;
  /** Gives up the start when it aborts. */
  signal: AbortSignal;
}

/** Where a child works: inside its caller's kiln. */
export interface ChildPlace {
  readonly cwd: string;
  readonly kiln: Kiln;
}

/** A child session that is ready for a prompt. */
export interface OpenedChild {
  readonly session: Session;
  /** It has the caller's own conversation behind it. */
  readonly isFork: boolean;
  /** Its agent can open the session again in another process. */
  readonly canReopen: boolean;
  /** Settles when its agent can no longer be talked to. */
  readonly gone: Promise<void>;
}

/** A checkout of its own for one child. */
export interface Worktree {
  /** Where the child works: the same place in the worktree as the caller's in its checkout. */
  readonly cwd: string;
  /** The child's, with the worktree in place of the checkout. */
  readonly kiln: Kiln;
  /** Top folder of the caller's checkout, which stays as it is. */
  readonly checkout: string;
  /** What it was made from; what the caller has not committed is not in it. */
  readonly commit: string;
  /** Makes a patch of what was changed and removes the worktree. Nobody may be at work in it any more. Never rejects. */
  finish(): Promise<PatchArtifact>;
}

/** What a child changed in its worktree. */
export interface PatchArtifact {
  kind: "patch";
  /** The commit it applies to. */
  base: string;
  /** A file in the state folder; null when nothing was changed. */
  path: string | null;
  bytes: number;
  /** The command that applies it to the caller's checkout. */
  apply: string | null;
  /** The worktree's folder, if no patch could be made of it. */
  kept?: string;
  error?: string;
}

export interface WorktreeRequest {
  /** Id of the delegation. */
  id: string;
  /** Where the child would work without it. */
  cwd: string;
  /** What it could reach there. */
  kiln: Kiln;
  signal: AbortSignal;
}

export interface Worktrees {
  /** Rejects with CRU_DELEGATION_ISOLATION where that cannot be, and leaves nothing behind then. */
  create(request: WorktreeRequest): Promise<Worktree>;
}

export interface SuccessorRequest {
  /** The session's id. */
  id: string;
  /** In whose place it speaks from then on. */
  predecessor: Session;
  profile: AgentProfile;
  grant: Grant;
  narrowing: Narrowing;
  title: string;
  /** Said to it before anything else. */
  note: string;
  /** Hears it, and answers it. */
  client: Peer;
  /** Gives up the start when it aborts. */
  signal: AbortSignal;
}

/** An agent that is ready to go on with a conversation. */
export interface Successor {
  readonly session: Session;
  /** Whether the note is in its system prompt; else it has to come with its first prompt. */
  readonly hasNote: boolean;
  /** What its prompts may hold (ACP, "Initialization", `promptCapabilities`). */
  readonly promptCapabilities: Readonly<Record<string, unknown>>;
  /** Settles when it can no longer be talked to. */
  readonly gone: Promise<void>;
}

export interface HandoffPorts {
  /** The agents a session may name. */
  agentsOf: (session: Session) => AgentDirectory;
  /** What the tree of a session has used. */
  budgetOf: (session: Session) => Budget;
  /** Starts an agent at the editor of a conversation. Rejects as `openChild` does, and leaves nothing behind then. */
  openSuccessor: (request: SuccessorRequest) => Promise<Successor>;
  store: Store;
  bus: Bus;
}

export interface DelegationPorts {
  /** The configuration in force now; it may be reloaded between two calls. */
  config: () => Config;
  /**
   * Starts an agent and opens a session on it, ready for a prompt. The session's `end` ends the agent. Rejects with a
   * CrucibleError of the `CRU_AGENT_…` family, and leaves nothing behind then.
   */
  openChild: (request: ChildRequest) => Promise<OpenedChild>;
  worktrees: Worktrees;
  /** Where a child works and what it can reach. Rejects with CRU_KILN_OUTSIDE, CRU_KILN_DENIED or CRU_KILN_DIRECTORY. */
  placeOfChild: (caller: Session, child: { cwd: string | undefined; grant: Grant }) => Promise<ChildPlace>;
  store: Store;
  bus: Bus;
}
