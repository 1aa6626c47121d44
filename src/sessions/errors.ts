/** Errors of sessions. */
import { defineError } from "../base/errors.ts";

export const sessionEnded = defineError(
  "CRU_SESSION_ENDED",
  "agentFailed",
  "The session has ended, so nothing more can be asked of it.",
);

export const tooManyPrompts = defineError(
  "CRU_PROMPT_QUEUE_FULL",
  "refused",
  "More prompts wait in one session than Crucible keeps in its queue.",
);
