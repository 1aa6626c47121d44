/**
 * What git needs of a repository that lies outside of a kiln: the kiln is a worktree of it (`git worktree add`), and its `.git` is a
 * file that names the place. Anybody could have written such a file, so that it counts only if the repository names the
 * kiln as well. Looks only.
 */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Kiln } from "../sessions/kiln.ts";

/** Largest file in which one part of a worktree names the other, in bytes: a path and a few words. */
const maxPointerBytes = 8192;

export interface LinkedWorktree {
  /** What the repository keeps for this worktree: real, absolute. */
  readonly own: string;
  /** What all worktrees of the repository share; `own` lies in it. */
  readonly common: string;
}

/** The worktree that has its top folder here, if there is one (git, "gitrepository-layout"). `checkout` is real. */
export function linkedWorktreeAt(checkout: string): LinkedWorktree | undefined {
  try {
    const [, there] = /^gitdir: (.+)$/s.exec(pointerIn(join(checkout, ".git"))) ?? [];
    if (there === undefined) return undefined;
    const own = realpathSync.native(resolve(checkout, there));
    const common = realpathSync.native(resolve(own, pointerIn(join(own, "commondir"))));
    const back = resolve(own, pointerIn(join(own, "gitdir")));
    const isMutual =
      own === join(common, "worktrees", basename(own)) &&
      join(realpathSync.native(dirname(back)), basename(back)) === join(checkout, ".git");
    return isMutual && ["objects", "refs"].every((name) => isFolder(join(common, name))) ? { own, common } : undefined;
  } catch {
    // Nothing there, or nothing that git would take for a worktree.
    return undefined;
  }
}

/** What an agent at work in a worktree reaches of its repository: all to read, what commits and branches are made of to write. */
export function gitReachOf({ own, common }: LinkedWorktree): Kiln["git"] {
  const at = (name: string): string => join(common, name);
  const reftable = existsSync(at("reftable")) ? [at("reftable")] : [];
  return { read: [common], write: [at("objects"), at("refs"), ...reftable, at("logs"), own] };
}

function pointerIn(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(descriptor);
    const bytes = Buffer.alloc(Math.min(size, maxPointerBytes));
    return bytes.toString("utf8", 0, readSync(descriptor, bytes)).replace(/[\r\n]+$/, "");
  } finally {
    closeSync(descriptor);
  }
}

function isFolder(path: string): boolean {
  return lstatSync(path).isDirectory();
}
