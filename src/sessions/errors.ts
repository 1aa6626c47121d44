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

export const recordUnknown = defineError(
  "CRU_SESSION_UNKNOWN",
  "usage",
  "No session or delegation of this id is stored, or its beginning fits several.",
);

export const sessionLive = defineError(
  "CRU_SESSION_LIVE",
  "refused",
  "What is still open, or belongs to something open, cannot be deleted.",
);

export const nothingRuns = defineError(
  "CRU_NOTHING_RUNS",
  "refused",
  "There is nothing to cancel: the delegation has ended, or the session does nothing now.",
);
