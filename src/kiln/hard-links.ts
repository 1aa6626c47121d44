/**
 * Files of a kiln that have a further name outside of it. Such a file is the kiln's as much as anybody's: no sandbox and no gate
 * can tell which name it was made under, so that it is for a person to know of them. Looks within limits, one name after the
 * other, and changes nothing; the user's own files come before those of packages, which stores share among projects.
 */
import { lstat, opendir } from "node:fs/promises";
import { join, relative } from "node:path";
import { monotonicMs } from "../base/clock.ts";
import { oneLine } from "../base/text.ts";

/** Names in a kiln that are looked at for hard links; those beyond are not. */
export const maxNamesLookedAt = 30_000;

/** How long a kiln is looked through for hard links, in milliseconds. */
export const maxLookMs = 5_000;

/** Examples that are told of each kind, and how long their names may be together. */
const maxExamples = 3;
const maxExampleCharacters = 300;

/** Folders in which a tool lays many files that it shares with a store or another clone (pnpm, uv, `git clone` of a path). */
const sharedFolder = /(?:^|\/)(?:node_modules|site-packages|\.git\/objects)$/;

export interface LinkedFiles {
  readonly count: number;
  /** Paths from the directory, a few. */
  readonly examples: readonly string[];
}

export interface HardLinks {
  readonly own: LinkedFiles;
  /** Those in folders of packages and of git's objects. */
  readonly shared: LinkedFiles;
  /** All of the directory was looked at; else there may be more, and some of these may have all their names inside. */
  readonly isComplete: boolean;
}

interface Limits {
  readonly names?: number;
  readonly ms?: number;
  readonly signal?: AbortSignal;
}

interface Inode {
  readonly path: string;
  readonly isShared: boolean;
  /** Names of it that were not met yet. */
  missing: number;
}

/** What they come to, as a sentence without its full stop; undefined if there are none. */
export function inWords({ own, shared, isComplete }: HardLinks): string | undefined {
  if (own.count + shared.count === 0) return undefined;
  const some = ({ count, examples }: LinkedFiles, what: string): string =>
    count === 0 ? "" : `${count} ${what}, such as ${oneLine(examples.join(", "), maxExampleCharacters)}; `;
  return (
    `${some(own, "of your own files")}${some(shared, "files that a store of packages or another clone shares")}` +
    `who changes them in place changes them elsewhere too${isComplete ? "" : "; not all was looked at"}`
  );
}

/** Never rejects: what cannot be looked at counts as not looked at. */
export async function hardLinksIn(directory: string, limits: Limits = {}): Promise<HardLinks> {
  const { names = maxNamesLookedAt, ms = maxLookMs, signal } = limits;
  const deadline = monotonicMs() + ms;
  const inodes = new Map<string, Inode>();
  const [ownFolders, sharedFolders]: [string[], string[]] = [[directory], []];
  let looks = 0;
  let isComplete = true;
  const isOver = (): boolean => looks >= names || monotonicMs() > deadline || (signal?.aborted ?? false);

  async function meet(path: string, isShared: boolean): Promise<void> {
    const { nlink, dev, ino } = await lstat(path);
    if (nlink < 2) return;
    const known = inodes.get(`${dev}:${ino}`);
    if (known) known.missing--;
    else inodes.set(`${dev}:${ino}`, { path, isShared, missing: nlink - 1 });
  }

  async function look(folder: string, isShared: boolean): Promise<void> {
    for await (const entry of await opendir(folder, { bufferSize: 256 })) {
      if (isOver()) return;
      looks++;
      const path = join(folder, entry.name);
      if (entry.isFile()) await meet(path, isShared);
      else if (entry.isDirectory()) (isShared || sharedFolder.test(path) ? sharedFolders : ownFolders).push(path);
    }
  }

  while (!isOver()) {
    const isShared = ownFolders.length === 0;
    const folder = ownFolders.pop() ?? sharedFolders.pop();
    if (folder === undefined) break;
    await look(folder, isShared).catch(() => (isComplete = false));
  }
  const leadingOut = [...inodes.values()].filter(({ missing }) => missing > 0);
  const told = (isShared: boolean): LinkedFiles => {
    const files = leadingOut.filter((inode) => inode.isShared === isShared);
    return { count: files.length, examples: files.slice(0, maxExamples).map(({ path }) => relative(directory, path)) };
  };
  return { own: told(false), shared: told(true), isComplete: isComplete && !isOver() };
}
