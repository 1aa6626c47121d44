/** Where a path really lies, links resolved, also when its end does not exist yet. */
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { isSystemError } from "../base/errors.ts";

/** The real path of the part of `path` that exists, with the rest of it behind. Throws what the system says of other troubles. */
export function realOfExistingPart(path: string): string {
  const rest: string[] = [];
  for (let part = resolve(path); ; part = dirname(part)) {
    try {
      return join(realpathSync.native(part), ...rest);
    } catch (error) {
      if (!isSystemError(error, "ENOENT", "ENOTDIR") || dirname(part) === part) throw error;
      rest.unshift(basename(part));
    }
  }
}

/** As `realOfExistingPart`; the path itself where the system does not tell, as of a loop of links. */
export function realIfKnown(path: string): string {
  try {
    return realOfExistingPart(path);
  } catch {
    return resolve(path);
  }
}
