/** Errors of the boundary inside which an agent may act. */
import { defineError } from "../base/errors.ts";
import { listed } from "../base/text.ts";

export const outsideKiln = defineError("CRU_KILN_OUTSIDE", "refused", "A path leads out of the session's kiln.");
export const kilnDenied = defineError(
  "CRU_KILN_DENIED",
  "refused",
  "A path is one that `deny` forbids or that may only be read, is not an ordinary file, or is too large to pass through the protocol.",
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
export const terminalLimit = defineError(
  "CRU_TERMINAL_LIMIT",
  "refused",
  "A child has as many terminals as one session may have.",
);
export const terminalUnknown = defineError(
  "CRU_TERMINAL_UNKNOWN",
  "usage",
  "A child named a terminal that its session does not have, or has released.",
);

/** `path` as it was asked for; `directories` are those of the kiln. */
export function outside(path: string, directories: readonly string[]): Error {
  return outsideKiln.create(`${path} lies outside the directories this session may touch`, {
    hint: directories.length > 0 ? `work inside ${listed(directories)}` : "this session was opened in no directory",
  });
}

export function denied(path: string, pattern: string): Error {
  return kilnDenied.create(`${path} may not be touched: ${JSON.stringify(pattern)} under deny of [kiln] forbids it`, {
    hint: "do without it, and say in your report what you could not do",
  });
}

export function notAFile(path: string): Error {
  return kilnDenied.create(`${path} is not an ordinary file`, { hint: "name a file, not a directory, device or pipe" });
}

// Agents look for this errno in the text before they create a file.
export function notFound(path: string, cause: unknown): Error {
  return fileNotFound.create(`ENOENT: no such file: ${path}`, { cause });
}

/** Something else stands there than what was decided upon. */
export function swapped(path: string): Error {
  return outsideKiln.create(`${path} leads outside by a link, or was changed while it was opened`, {
    hint: "try again when nothing changes it",
  });
}

/** What the system says, in its own word: agents look for that. */
export function explained(path: string, cause: Error): Error {
  return fileFailed.create(`${path}: ${cause.message}`, { cause });
}
