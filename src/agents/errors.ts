/** Errors of agents: finding one, signing in to it, losing it. */
import { defineError } from "../base/errors.ts";

export const agentNotFound = defineError(
  "CRU_AGENT_NOT_FOUND",
  "agentFailed",
  "The program of an agent profile is not installed, or not where it was looked for.",
);
export const agentExited = defineError(
  "CRU_AGENT_EXITED",
  "agentFailed",
  "The agent's process ended, or closed its output, while something was expected of it.",
);
export const agentAuth = defineError(
  "CRU_AGENT_AUTH",
  "agentFailed",
  "The agent wants its user to sign in before it works.",
);
export const agentOverLimits = defineError(
  "CRU_AGENT_LIMITS",
  "agentFailed",
  "An agent was ended because it used more memory, or ran more processes, than `[limits]` allows.",
);
export const agentLimit = defineError(
  "CRU_AGENT_LIMIT",
  "refused",
  "As many agents run in this daemon as `[server] max_agents` allows.",
);
