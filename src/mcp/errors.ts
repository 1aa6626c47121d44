/** Errors of tool calls. */
import { defineError } from "../base/errors.ts";

export const wrongArguments = defineError(
  "CRU_TOOL_ARGUMENTS",
  "usage",
  "The arguments of a tool call are not what its schema asks for.",
);
