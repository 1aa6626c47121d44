/** The error codes of this folder. */
import { defineError } from "../base/errors.ts";

export const sandboxUnavailable = defineError(
  "CRU_SANDBOX_UNAVAILABLE",
  "refused",
  "No sandbox that holds as much as `accept` under `[sandbox]` asks for works on this machine, so the agent was not started.",
);
export const sandboxPlace = defineError(
  "CRU_SANDBOX_PLACE",
  "refused",
  "What an agent would have to work in cannot be put into a sandbox: the root of the file system, or a directory that is gone.",
);

/** Somebody has put something else in the place of a directory since it was decided upon. */
export function swapped(path: string): Error {
  return sandboxPlace.create(
    `${path} is not what it was a moment ago: something moves it, or puts links in its place`,
    {
      hint: "try again when nothing else works there",
    },
  );
}
