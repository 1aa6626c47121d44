/**
 * The kiln of a session that a person or a program opens: its directories, within `[kiln] roots`, and what the configuration
 * adds and forbids. Links are resolved here once, so that a directory that is later swapped for a link leads nowhere.
 */
import { isAbsolute } from "node:path";
import { isInside, ownFolders } from "../base/paths.ts";
import { listed } from "../base/text.ts";
import { hintOf } from "../config/change.ts";
import type { Config, KilnRules } from "../config/config.ts";
import type { Kiln } from "../sessions/kiln.ts";
import { denyGlob } from "./deny-glob.ts";
import { outsideKiln } from "./errors.ts";
import { gitReachOf, linkedWorktreeAt } from "./linked-worktree.ts";
import { realIfKnown } from "./real-path.ts";

export interface KilnRequest {
  /** As its client named it. */
  readonly cwd: string;
  readonly additionalDirectories?: readonly string[];
}

export type KilnConfig = Pick<Config, "kiln" | "file" | "change">;

/** What looks like files there are the insides of processes and devices, Crucible's own among them. */
const systemFolders = ["/proc", "/sys", "/dev"];

/** Throws CRU_KILN_OUTSIDE when a directory does not lie in one of `roots`. */
export function kilnOf({ cwd, additionalDirectories = [] }: KilnRequest, config: KilnConfig): Kiln {
  const { kiln: rules, file } = config;
  const asked = [cwd, ...additionalDirectories];
  requireInRoots({ cwd, additionalDirectories }, config);
  // A relative path means another place to everyone who reads it.
  const directories = asked.filter(isAbsolute).map(realIfKnown);
  return {
    directories,
    read: rules.read.map(realIfKnown),
    write: rules.write.map(realIfKnown),
    deny: rules.deny.map(denyGlob),
    closed: [...systemFolders, ...ownFolders(), ...(file === undefined ? [] : [file])].map(realIfKnown),
    readOnly: false,
    git: gitOutside(directories, rules),
  };
}

/** Of the directories that are worktrees, as far as their repositories lie where sessions may be opened. */
function gitOutside(directories: readonly string[], { roots }: KilnRules): Kiln["git"] {
  const reaches = directories
    .map(linkedWorktreeAt)
    .filter((worktree) => worktree !== undefined)
    .filter(({ common }) => !roots || roots.some((root) => isInside(realIfKnown(root), common)))
    .map(gitReachOf);
  return { read: reaches.flatMap(({ read }) => read), write: reaches.flatMap(({ write }) => write) };
}

/** Throws CRU_KILN_OUTSIDE when a directory does not lie in one of `roots`. */
export function requireInRoots({ cwd, additionalDirectories = [] }: KilnRequest, config: KilnConfig): void {
  const { roots } = config.kiln;
  if (!roots) return;
  const real = roots.map(realIfKnown);
  const isWithin = (path: string): boolean =>
    isAbsolute(path) && real.some((root) => isInside(root, realIfKnown(path)));
  const stray = [cwd, ...additionalDirectories].find((directory) => !isWithin(directory));
  if (stray === undefined) return;
  throw outsideKiln.create(`${stray || "the session"} lies outside the directories that sessions may be opened in`, {
    hint: hintOf(
      config,
      roots.length > 0
        ? `open ${listed(roots)}, or a folder below, or change roots under [kiln]`
        : "change roots under [kiln], which allows none",
    ),
  });
}
