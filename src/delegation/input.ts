/** What can be said of a task that is to be delegated, and what the rules make of it. Types only. */
import type { AgentProfile } from "../config/config.ts";
import type { Grant, Narrowing, ToolSet } from "../sessions/grant.ts";
import type { ContextRequest } from "./context.ts";

export interface DelegateInput {
  agent: string;
  task: string;
  context?: string | undefined;
  /** Short title for people; made from the task when missing. */
  description?: string | undefined;
  /** By the agent's own name for it; overrides the profile's. */
  model?: string | undefined;
  /** By the agent's own name for it; overrides the profile's. Not that of the fallbacks. */
  mode?: string | undefined;
  /** A role the target's profile maps to a model or to another profile. */
  modelRole?: string | undefined;
  /** Tried in this order when the agent cannot start or fails before it did anything. */
  fallbacks?: readonly Choice[] | undefined;
  /** Continues the conversation of this earlier child. */
  sessionId?: string | undefined;
  /** Tool calls the child may make. */
  maxTurns?: number | undefined;
  /** The child may do these and no more, within what its caller may. */
  tools?: readonly ToolSet[] | undefined;
  /** Directory inside the caller's; absolute or relative to it. */
  cwd?: string | undefined;
  /** Within the limit of the calling profile. */
  timeoutSeconds?: number | undefined;
  /** What of the caller's conversation goes with the task; nothing unless it says so. */
  conversation?: ContextRequest | undefined;
  /** `worktree`: the child works in a git worktree of its own, and what it changed comes back as a patch. */
  isolation?: "shared" | "worktree" | undefined;
}

/** An agent, and the model it shall use. */
export interface Choice {
  agent: string;
  model?: string | undefined;
}

/** One way to run a delegation that the policy allows. */
export interface Candidate {
  profile: AgentProfile;
  grant: Grant;
  /** What the caller, or who made the agent, took away. */
  narrowing: Narrowing;
  model: string | undefined;
  mode: string | undefined;
}
