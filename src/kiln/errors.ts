/** Errors of the boundary inside which an agent may act. */
import { defineError } from "../base/errors.ts";

export const outsideKiln = defineError("CRU_KILN_OUTSIDE", "refused", "A path leads out of the session's kiln.");
export const notAFile = defineError(
  "CRU_KILN_DENIED",
  "refused",
  "A path inside the kiln is not an ordinary file, or is too large to pass through the protocol.",
);
export const fileNotFound = defineError("CRU_FILE_NOT_FOUND", "refused", "The file to read does not exist.");
export const fileFailed = defineError(
  "CRU_FILE_FAILED",
  "agentFailed",
  "The file system refused to read or write a file inside the kiln; the message has its reason.",
);
export const invalidRequest = defineError(
  "CRU_REQUEST_INVALID",
  "usage",
  "A request's parameters are not what the protocol asks for.",
);
export const notADirectory = defineError(
  "CRU_KILN_DIRECTORY",
  "refused",
  "The directory a child shall work in does not exist, or is no directory.",
);
