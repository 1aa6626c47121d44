/** Errors of delegation: refusals by policy, and the ways a child can end other than well. */
import { defineError } from "../base/errors.ts";

export const delegationDisabled = defineError(
  "CRU_DELEGATION_DISABLED",
  "refused",
  "The calling profile may not delegate: `delegation.enabled` is not true.",
);
export const targetUnknown = defineError(
  "CRU_DELEGATION_TARGET_UNKNOWN",
  "refused",
  "No agent profile has the name that was asked for.",
);
export const targetNotAllowed = defineError(
  "CRU_DELEGATION_TARGET_NOT_ALLOWED",
  "refused",
  "The target is not in `allowed_targets` of the calling profile or of one of its ancestors.",
);
export const depthExceeded = defineError(
  "CRU_DELEGATION_DEPTH",
  "refused",
  "No level is left: `max_depth` of the calling profile or of one of its ancestors, or `max_handoff_depth`, is used up.",
);
export const cycleRefused = defineError(
  "CRU_DELEGATION_CYCLE",
  "refused",
  "The target already stands in the caller's lineage, and the calling profile does not say `allow_cycles = true`.",
);
export const delegationLimit = defineError(
  "CRU_DELEGATION_LIMIT",
  "refused",
  "A limit on how many delegations may be made or wait, agents may run, or handoffs one conversation may have is reached.",
);
export const delegationTimeout = defineError(
  "CRU_DELEGATION_TIMEOUT",
  "timedOut",
  "The delegation ran longer than its time limit and was ended.",
);
export const delegationCancelled = defineError(
  "CRU_DELEGATION_CANCELLED",
  "agentFailed",
  "The delegation was cancelled: by its caller, or because its caller's turn or session ended.",
);
export const delegationLost = defineError(
  "CRU_DELEGATION_LOST",
  "agentFailed",
  "The daemon died while the delegation ran: what came of it is unknown.",
);
export const delegationUnknown = defineError(
  "CRU_DELEGATION_UNKNOWN",
  "usage",
  "No delegation with that id descends from the caller's session.",
);
export const childRefused = defineError(
  "CRU_AGENT_REFUSED",
  "refused",
  "The agent declined the task (stop reason `refusal`).",
);
export const childStopped = defineError(
  "CRU_AGENT_STOPPED",
  "agentFailed",
  "The agent ended its turn before the task was done: out of tokens, out of turns, or for a reason Crucible does not know.",
);
export const childFailed = defineError(
  "CRU_AGENT_ERROR",
  "agentFailed",
  "The agent answered the task with an error of its own.",
);
export const delegationStalled = defineError(
  "CRU_DELEGATION_STALLED",
  "timedOut",
  "The child gave no sign of life for `stall_seconds` and was ended.",
);
export const budgetExceeded = defineError(
  "CRU_DELEGATION_BUDGET",
  "refused",
  "What the whole tree of sessions may use (agents, tokens, cost, time) is used up; refuses the next delegation.",
);
export const cannotContinue = defineError(
  "CRU_DELEGATION_CONTINUE",
  "refused",
  "An earlier child's session cannot be continued: it is at work, or its agent can neither load nor resume sessions.",
);
export const roleUnknown = defineError(
  "CRU_MODEL_ROLE_UNKNOWN",
  "refused",
  "The target's profile has no model for the role that was asked for.",
);
export const contextUnknown = defineError(
  "CRU_DELEGATION_CONTEXT",
  "refused",
  "`context_depth` asks for a conversation that Crucible does not know: the caller is not an agent behind an editor.",
);
export const isolationRefused = defineError(
  "CRU_DELEGATION_ISOLATION",
  "refused",
  "`isolation` asks for a git worktree, and none can be made: no git, no checkout, or no commit to start from.",
);
export const agentNameInvalid = defineError(
  "CRU_AGENT_NAME",
  "usage",
  "The name for an agent made at run time is not allowed.",
);
export const agentExists = defineError("CRU_AGENT_EXISTS", "usage", "An agent of that name is there already.");
export const dynamicUnknown = defineError(
  "CRU_AGENT_DYNAMIC_UNKNOWN",
  "usage",
  "No agent of that name was made in this tree of sessions.",
);

export const handoffRefused = defineError(
  "CRU_HANDOFF_REFUSED",
  "refused",
  "A conversation is handed over by the agent that has it, in its turn, once; and only where a user talks to it in an editor.",
);
