/** The directory a command is run in, which may be gone: a worktree that was removed under a shell, say. */
import { isSystemError } from "../base/errors.ts";
import { usageError } from "./errors.ts";

/** Absolute. Throws CRU_USAGE where it is not there any more. */
export function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    if (!isSystemError(error, "ENOENT")) throw error;
    throw usageError.create("the directory this was started in does not exist any more", {
      hint: "change into one that does, and try again",
      cause: error,
    });
  }
}
