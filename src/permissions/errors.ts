/** Errors of permissions. */
import { defineError } from "../base/errors.ts";

export const permissionDenied = defineError(
  "CRU_PERMISSION_DENIED",
  "refused",
  "The session may not do what it was about to do: it was not given that kind of tool, a rule forbids it, or it was asked and refused.",
);
