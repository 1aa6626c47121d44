/**
 * The paths that the configuration names to an agent in its arguments and variables, and which of them it will not find in its sandbox:
 * what it writes there would fail, or be lost without a word. Looks at the disk, changes nothing.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { expandHome, isInside } from "../base/paths.ts";
import type { Mechanism, Reach, SandboxPolicy } from "./confinement.ts";
import { realPathOf } from "./real-paths.ts";

/** Of the system's own: there inside as far as they are needed. */
const systemFolders = ["/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/sbin", "/sys", "/usr"];
const temporaryFolders = ["/tmp", "/var/tmp", "/private/tmp", "/private/var/folders"];

/** Where it is not there it has no such variable either (environment.ts), and does with what it finds. */
const leftOut = /^(?:TMPDIR|TMP|TEMP|XDG_RUNTIME_DIR)$/;

/** An argument as the path it names, where it is one: `/a`, `--option=/a`, `file:///a`. */
export function pathOfArgument(arg: string): string {
  const word = /^-[^=/]*=(.*)$/s.exec(arg)?.[1] ?? arg;
  if (!word.startsWith("file:///")) return word;
  try {
    return fileURLToPath(word);
  } catch {
    // No path of this system after all.
    return word;
  }
}

/** What an argument names; one that is a script for a shell (`sh -c`) names what its words do. */
function pathsOfArgument(arg: string): string[] {
  const words = arg.split(/[\s;&|()<>'"`]+/);
  if (words.length === 1) return [pathOfArgument(arg)];
  return words.map((word) => expandHome(pathOfArgument(word).replace(/^\$(?:HOME|\{HOME\})(?=\/)/, "~")));
}

/** Files that variables of the profile name. */
export function filesOfVariables({ profile, opensArguments }: SandboxPolicy): string[] {
  if (!opensArguments) return [];
  return Object.values(profile.env).filter((value) => isAbsolute(value) && isFile(value));
}

export interface Telling {
  readonly policy: SandboxPolicy;
  readonly reach: Reach;
  readonly mechanism: Mechanism;
}

/** What an agent is told to use and will not find, each a sentence without its end. */
export function unreached(args: readonly string[], { policy, reach, mechanism }: Telling): string[] {
  if (!policy.opensArguments) return [];
  const named = [
    ...[...new Set(args.flatMap(pathsOfArgument))].map((path) => ({ path, by: "its arguments name" })),
    ...Object.entries(policy.profile.env)
      .filter(([name]) => !leftOut.test(name))
      .map(([name, path]) => ({ path, by: `its variable ${name} names` })),
  ];
  // Only bubblewrap gives it temporary folders of its own.
  const open = [...systemFolders, ...(mechanism === "bwrap" ? [] : temporaryFolders), ...reach.writable];
  return named.flatMap(({ path, by }) => {
    const problem = isAbsolute(path) ? problemOf(path, { open, readable: reach.readable }) : undefined;
    return problem === undefined ? [] : [`${path}, which ${by}, ${problem}`];
  });
}

function problemOf(
  path: string,
  { open, readable }: { open: readonly string[]; readable: readonly string[] },
): string | undefined {
  const folder = dirname(path);
  // Other words begin with a slash, too.
  if (!existsSync(path) && (folder === "/" || !existsSync(folder))) return undefined;
  const real = realPathOf(path) ?? realPathOf(folder) ?? path;
  if (open.some((one) => isInside(one, real))) return undefined;
  if (!readable.some((one) => isInside(one, real))) return "is not there inside, and what is written there is lost";
  return existsSync(path) ? undefined : "lies where it can only read";
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
