/**
 * The words of a delegation that every room shares: its result as parents, scripts and the store see it
 * (docs/reference/tools.md), and what is told while it runs. Shapes only.
 */

export type DelegationStatus = "completed" | "failed" | "cancelled" | "timed_out" | "refused" | "running" | "lost";

export interface DelegationFailure {
  code: string;
  message: string;
  hint?: string | undefined;
}

/** An agent that was to do a task and could not even begin. */
export interface TriedAgent {
  agent: string;
  model: string | null;
  error: DelegationFailure;
}

/** As the agent last reported it; null where it never did. */
export interface DelegationUsage {
  tokens: number | null;
  cost: { amount: number; currency: string } | null;
}

export interface DelegationResult {
  delegation_id: string;
  session_id: string | null;
  agent: string;
  status: DelegationStatus;
  result: string;
  truncated: boolean;
  /** Size of the whole result in bytes of UTF-8. */
  result_bytes: number;
  /** What the agent said, in ACP's words; null if it never ended its turn. */
  stop_reason: string | null;
  artifacts: Record<string, unknown>[];
  usage: DelegationUsage;
  duration_ms: number;
  error?: DelegationFailure | undefined;
  /** Agents that were tried before the one that is named, and why they could not do it. */
  tried?: TriedAgent[] | undefined;
  /** What the caller should know of how it was done, such as a setting that the agent does not have. */
  notes?: string[] | undefined;
}

/** One thing that happened in a tree of delegations, for live views. */
export interface DelegationProgress {
  delegationId: string;
  /** The delegation that asked for this one; null for the first. */
  parentId: string | null;
  agent: string;
  title: string;
  depth: number;
  kind: "queued" | "starting" | "started" | "activity" | "ended";
  /** For `activity`: one line of what the child does now. For `ended`: the outcome in a few words. */
  line: string;
  /** For `ended`. */
  status: DelegationResult["status"] | null;
  at: number;
}
