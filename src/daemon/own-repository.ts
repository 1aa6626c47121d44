/**
 * Whether the repository that git finds for a directory is really that directory's. What stands in a kiln was perhaps written
 * by an agent: a `.git` file or a setting there can name any repository of the machine, and whoever had it checked out for a
 * child would hand it over. A link out of the kiln counts only if what it leads to names the kiln as well.
 */
import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isSystemError } from "../base/errors.ts";
import { isInside } from "../base/paths.ts";

export interface FoundRepository {
  /** The directory that asked; it lies in the checkout. */
  readonly cwd: string;
  /** Top folder of the checkout, as git names it. */
  readonly checkout: string;
  /** What git keeps for this checkout, and for all checkouts of the repository. */
  readonly gitDirectory: string;
  readonly commonDirectory: string;
}

/** Why it is not; undefined if it is. */
export async function strangeRepository(found: FoundRepository): Promise<string | undefined> {
  const [cwd, checkout, own, common] = await Promise.all(
    [found.cwd, found.checkout, found.gitDirectory, found.commonDirectory].map((path) => realpath(path)),
  );
  if (!isInside(checkout!, cwd!)) return `${found.checkout} does not hold it`;
  const isOwn = own === common && common === join(checkout!, ".git");
  if (isOwn || (await isLinked({ checkout: checkout!, own: own!, common: common! }))) return undefined;
  return `${found.commonDirectory} belongs to another checkout`;
}

/** A worktree that its repository knows (git, "gitrepository-layout": worktrees/ID/gitdir). */
async function isLinked({ checkout, own, common }: Record<"checkout" | "own" | "common", string>): Promise<boolean> {
  if (own !== join(common, "worktrees", basename(own))) return false;
  try {
    const back = (await readFile(join(own, "gitdir"), "utf8")).trim();
    return join(await realpath(dirname(resolve(own, back))), basename(back)) === join(checkout, ".git");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EACCES")) return false;
    throw error;
  }
}
