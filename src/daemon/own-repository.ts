/**
 * Whether the repository that git finds for a directory is really that directory's. What stands in a kiln was perhaps written
 * by an agent: a `.git` file or a setting there can name any repository of the machine, and whoever had it checked out for a
 * child would hand it over. A link out of the kiln counts only if what it leads to names the kiln as well.
 */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { isInside } from "../base/paths.ts";
import { linkedWorktreeAt } from "../kiln/linked-worktree.ts";

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
  const linked = linkedWorktreeAt(checkout!);
  if (isOwn || (linked?.own === own && linked?.common === common)) return undefined;
  return `${found.commonDirectory} belongs to another checkout`;
}
