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

export const storeUnwritable = defineError(
  "CRU_STORE_UNWRITABLE",
  "refused",
  "What is stored could not be changed: the disk is full, or the state folder cannot be written.",
);
