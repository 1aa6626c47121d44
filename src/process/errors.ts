/** The error codes of this folder. */
import { defineError } from "../base/errors.ts";

export const agentStart = defineError(
  "CRU_AGENT_START",
  "agentFailed",
  "An agent's program could not be started, or did not answer `initialize` in time.",
);
