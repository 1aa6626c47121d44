/**
 * Where a path really lies, links resolved, also when its end does not exist yet. Says what is so at this moment; whoever acts on
 * it makes sure that it still is (files.ts). At once, so that what is said after a request does not overtake it.
 */
import { readlinkSync, realpathSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { isSystemError } from "../base/errors.ts";

/** More links to nothing than this, one behind the other, are followed no further, as the system does it (path_resolution(7)). */
const maxLinks = 40;

/**
 * The real path of the part of an absolute path that exists, with the rest of it behind. `..` is taken as the system takes it:
 * behind a link, from where the link leads. A link to nothing leads to where whoever writes through it makes something.
 * Throws what the system says of other troubles.
 */
export function realOfExistingPart(path: string, links = 0): string {
  const segments = path.split("/");
  for (let end = segments.length; end > 0; end--) {
    const real = realIfThere(segments.slice(0, end).join("/") || "/");
    if (real === undefined) continue;
    const [missing, ...rest] = segments.slice(end);
    const target = missing === undefined ? undefined : targetOf(join(real, missing));
    if (target === undefined) return join(real, ...segments.slice(end));
    if (links === maxLinks) throw Object.assign(new Error(`ELOOP: ${path}`), { code: "ELOOP", syscall: "readlink" });
    return realOfExistingPart([isAbsolute(target) ? target : `${real}/${target}`, ...rest].join("/"), links + 1);
  }
  return resolve(path);
}

function realIfThere(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Undefined for what is no link, or not there at all. */
function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isSystemError(error, "EINVAL", "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** The same; the path itself where the system does not tell, as of a loop of links. */
export function realIfKnown(path: string): string {
  try {
    return realOfExistingPart(path);
  } catch {
    return resolve(path);
  }
}
