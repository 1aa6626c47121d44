/**
 * Where a path really lies, links resolved, also when its end does not exist yet. Says what is so at this moment; whoever acts on
 * it makes sure that it still is (files.ts). At once, so that what is said after a request does not overtake it.
 */
import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { isSystemError } from "../base/errors.ts";

/**
 * The real path of the part of an absolute path that exists, with the rest of it behind. `..` is taken as the system takes it:
 * behind a link, from where the link leads. Throws what the system says of other troubles.
 */
export function realOfExistingPart(path: string): string {
  const segments = path.split("/");
  for (let end = segments.length; end > 0; end--) {
    try {
      return join(realpathSync.native(segments.slice(0, end).join("/") || "/"), ...segments.slice(end));
    } catch (error) {
      if (!isSystemError(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }
  return resolve(path);
}

/** The same; the path itself where the system does not tell, as of a loop of links. */
export function realIfKnown(path: string): string {
  try {
    return realOfExistingPart(path);
  } catch {
    return resolve(path);
  }
}
