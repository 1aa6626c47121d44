/** Errors of the conversation itself. */
import { defineError } from "../base/errors.ts";

export const messageTooLarge = defineError(
  "CRU_MESSAGE_TOO_LARGE",
  "agentFailed",
  "A message was longer, or its JSON nested deeper, than what is accepted, and was dropped whole.",
);
