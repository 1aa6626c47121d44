/** Errors of the door for editors. */
import { defineError, type CrucibleError } from "../base/errors.ts";

export const childOfDelegation = defineError(
  "CRU_SESSION_OF_DELEGATION",
  "usage",
  "An editor asked something of a child session. It belongs to the agent that delegated; an editor may watch and cancel it.",
);

export const sessionOpenElsewhere = defineError(
  "CRU_SESSION_OPEN_ELSEWHERE",
  "refused",
  "An editor asked for a conversation that another one has open.",
);

/** Of a conversation that another editor has. */
export function openElsewhere(sessionId: string): CrucibleError {
  return sessionOpenElsewhere.create(`session ${sessionId} is open in another editor`, {
    hint: "close it there first",
    details: { sessionId },
  });
}

/** `method` was asked of a child session. */
export function notYours(method: string, sessionId: string): CrucibleError {
  return childOfDelegation.create(`${method} is not possible: session ${sessionId} is the child of a delegation`, {
    hint: "prompt the session that delegated; a child that works can be cancelled with session/cancel",
    details: { sessionId },
  });
}
