/**
 * From a policy to the paths that are reachable inside: the kiln, the private home, the program's own installation, and what
 * the configuration adds. What does not exist is left out. It decides; a mechanism's builder says it in its own words.
 */
import { join, resolve } from "node:path";
import { isInside } from "../base/paths.ts";
import type { LaunchSpec } from "../process/child.ts";
import { spawnFailure } from "../process/spawn-failure.ts";
import type { Hidden, Reach, SandboxPolicy } from "./confinement.ts";
import { sandboxPlace, swapped } from "./errors.ts";
import { installRoots, isTooWide, linksOf } from "./install-roots.ts";
import { filesOfVariables, pathOfArgument } from "./named-paths.ts";
import { linksOn, outermost, realPathOf } from "./real-paths.ts";

/** What of this machine and this daemon a reach depends on. */
export interface Surroundings {
  /** The user's home. */
  readonly home: string;
  /** What is Crucible's own and no agent's business, real paths. */
  readonly hidden: () => readonly Hidden[];
  /** What of Crucible's own program an agent needs to reach its tools over stdio. */
  readonly ownProgram: readonly string[];
}

export interface ReachRequest {
  readonly spec: LaunchSpec;
  readonly policy: SandboxPolicy;
  /** The agent's home inside: its private one, or the user's. */
  readonly home: string;
  readonly around: Surroundings;
}

/** Throws CRU_SANDBOX_PLACE, and CRU_AGENT_START when the working directory or an interpreter is missing. */
export function reachOf({ spec, policy, home, around }: ReachRequest): Reach {
  const hidden = around.hidden();
  const guarded = hidden.map(({ path }) => path);
  const search = { guarded, home: around.home, searchPath: spec.env["PATH"] ?? "" };
  const install = installRoots(spec.command, namedInArguments(spec, policy), search);
  if (install.missing !== undefined) throw spawnFailure(spec, missing(install.missing));
  const cwd = realPathOf(spec.cwd);
  if (cwd === undefined) throw spawnFailure(spec, missing(spec.cwd));

  const directories = unmoved(policy.directories);
  if (policy.directories.some((one) => isInside(one, spec.cwd)) && !directories.some((one) => isInside(one, cwd))) {
    throw swapped(spec.cwd);
  }
  const kiln = [...directories, ...unmoved(policy.git.write), ...existing(policy.writable)];
  requireHoldable(spec.label, kiln);
  const own = existing([home, ...policy.profile.configDirs]);
  const writable = visible([...own, ...(policy.readOnly ? [] : kiln)], guarded);
  const named = [...install.readable, ...filesOfVariables(policy)];
  const given = existing([...named, ...policy.readable, ...around.ownProgram]).concat(unmoved(policy.git.read));
  const readable = visible([...given, ...(policy.readOnly ? kiln : [])], guarded).filter(
    (path) => !writable.some((one) => isInside(one, path) && !isHiddenWithin(path, one, guarded)),
  );
  const isReached = [...writable, ...readable].some((one) => isInside(one, cwd));
  const isPrivate = isTooWide(cwd, search);
  return {
    writable,
    readable: isReached || isPrivate ? readable : [...readable, cwd],
    readOnlyKiln: policy.readOnly ? kiln : [],
    hidden,
    links: [...linksOf(install), ...[spec.cwd, home, around.home, ...policy.directories].flatMap(linksOn)],
    cwd,
    folders: [...existing([around.home]), ...(isReached || !isPrivate ? [] : [cwd])],
    network: policy.network === "open" ? "open" : "closed",
  };
}

/** In a directory of the profile's own, and not in a kiln, short names are the user's word as well. */
function namedInArguments({ args, cwd }: LaunchSpec, { directories, opensArguments }: SandboxPolicy): string[] {
  const words = opensArguments ? args.map(pathOfArgument) : [];
  return directories.some((one) => isInside(one, cwd)) ? words : words.map((word) => resolve(cwd, word));
}

/** The outermost of those that exist; one within another stays if something between the two is hidden. */
function visible(paths: readonly string[], guarded: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter(
    (path) => !unique.some((one) => one !== path && isInside(one, path) && !isHiddenWithin(path, one, guarded)),
  );
}

function isHiddenWithin(path: string, outer: string, guarded: readonly string[]): boolean {
  return guarded.some((hidden) => isInside(outer, hidden) && isInside(hidden, path));
}

/**
 * Those that exist, where they were when they were decided upon: whoever may write in the folder above can put a link in the place of
 * one. Throws CRU_SANDBOX_PLACE.
 */
function unmoved(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const real = realPathOf(path);
    if (real !== undefined && real !== path) throw swapped(path);
    return real ?? [];
  });
}

function existing(paths: readonly string[]): string[] {
  return paths.map(realPathOf).filter((path) => path !== undefined);
}

/** The folders of Crucible's program and of the Node.js that runs it. */
export function ownProgramFolders(root: string, node: string): string[] {
  const parts = ["bin", "dist", "node_modules", "package.json"].map((name) => join(root, name));
  const { readable } = installRoots(node, [], { guarded: [], home: "", searchPath: "" });
  return outermost([...parts, ...readable]);
}

function missing(path: string): Error {
  return Object.assign(new Error(`no such file or directory: ${path}`), { code: "ENOENT" });
}

/** Throws CRU_SANDBOX_PLACE for a kiln in which a sandbox would hold nothing. */
export function requireHoldable(label: string, kiln: readonly string[]): void {
  if (!kiln.includes("/")) return;
  throw sandboxPlace.create(`${label} was not started: a sandbox whose kiln is the whole file system holds nothing`, {
    hint: "open the session in a project's directory, or set mode to off under [sandbox]",
  });
}
