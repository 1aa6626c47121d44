/** From the kiln of a session to that of an agent that works for it or in its place: the same, or narrower. */
import { lstat, realpath } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { isInside } from "../base/paths.ts";
import type { Grant } from "../sessions/grant.ts";
import type { Kiln } from "../sessions/kiln.ts";
import type { Session } from "../sessions/session.ts";
import { placeIn } from "./boundary.ts";
import { notADirectory } from "./errors.ts";
import { gitReachOf, type LinkedWorktree } from "./linked-worktree.ts";
import { realIfKnown } from "./real-path.ts";

/** Whoever may not write with tools may not write at all. */
export function narrowedTo({ tools }: Grant, kiln: Kiln): Kiln {
  return tools.has("write") ? kiln : { ...kiln, readOnly: true };
}

/**
 * Where a child works: where its caller does, with all that can be reached from there, or in a directory of the caller's kiln
 * and in nothing else. `cwd` is absolute or counts from the caller's. Rejects with CRU_KILN_OUTSIDE, CRU_KILN_DENIED or
 * CRU_KILN_DIRECTORY.
 */
export async function placeOfChild(
  caller: Pick<Session, "cwd" | "kiln">,
  { cwd, grant }: { cwd: string | undefined; grant: Grant },
): Promise<{ cwd: string; kiln: Kiln }> {
  const kiln = narrowedTo(grant, caller.kiln);
  if (cwd === undefined) return { cwd: realIfKnown(caller.cwd), kiln };
  const directory = await directoryIn(kiln, resolve(caller.cwd, cwd));
  // What git keeps of a worktree is of no use without the whole of it.
  const git = kiln.directories.includes(directory) ? kiln.git : { read: [], write: [] };
  return { cwd: directory, kiln: { ...kiln, directories: [directory], git } };
}

/** The real path of a directory to work in. Rejects with CRU_KILN_OUTSIDE, CRU_KILN_DENIED or CRU_KILN_DIRECTORY. */
export async function directoryIn(kiln: Kiln, asked: string): Promise<string> {
  const { path } = placeIn(kiln, asked, "work");
  const stats = await lstat(path).catch(() => undefined);
  // Once more, since it may have been swapped for a link in between.
  if (stats?.isDirectory() && (await realpath(path)) === path) return path;
  const [problem, remedy] = stats
    ? ["not a directory", "name a directory"]
    : ["not there", "make it first, or name a directory that is there"];
  const [top] = kiln.directories;
  throw notADirectory.create(`${asked} is ${problem}`, {
    // Of no use where that is the very one that was asked for.
    hint: top === undefined || asked === top ? remedy : `${remedy}, in ${top}`,
  });
}

/** The same kiln with a worktree in place of the checkout, as far down as it reached there; nothing beside it stays. */
export function inWorktree(
  kiln: Kiln,
  { checkout, folder, git }: { checkout: string; folder: string; git: LinkedWorktree },
): Kiln {
  const directories = kiln.directories.flatMap((directory) => {
    if (isInside(directory, checkout)) return [folder];
    return isInside(checkout, directory) ? [join(folder, relative(checkout, directory))] : [];
  });
  return { ...kiln, directories: [...new Set(directories)], git: gitReachOf(git), worktree: { folder, checkout } };
}
