/**
 * Directories and files opened before they are mounted, so that what is mounted is what was checked: whoever may write in the folder above
 * could put a link in its place in between.
 */
import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import { isSystemError } from "../base/errors.ts";
import { swapped } from "./errors.ts";

export interface OpenedFolders {
  readonly byPath: ReadonlyMap<string, number>;
  close(): void;
}

/** `paths` are real; what may not be read is left out. Throws CRU_SANDBOX_PLACE when one is not what it was. */
export function openFolders(paths: readonly string[]): OpenedFolders {
  const byPath = new Map<string, number>();
  const close = (): void => {
    for (const descriptor of byPath.values()) closeSync(descriptor);
    byPath.clear();
  };
  if (process.platform !== "linux") return { byPath, close };
  try {
    for (const path of paths) {
      const descriptor = open(path);
      if (descriptor === undefined) continue;
      byPath.set(path, descriptor);
      if (readlinkSync(`/proc/self/fd/${descriptor}`) !== path) throw swapped(path);
    }
    return { byPath, close };
  } catch (error) {
    close();
    throw error;
  }
}

function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if (isSystemError(error, "ELOOP", "ENOENT", "ENOTDIR")) throw swapped(path);
    // What may be passed through and not read, or is a socket: mounted by its name.
    if (isSystemError(error, "EACCES", "ENXIO")) return undefined;
    throw error;
  }
}
