/**
 * The one resolver of `extends`: finds for every profile the chain of profiles it is built on. A profile with the name of a
 * built-in one takes its place; by `extends` of its own name it means the built-in one, and so it does with neither `extends` nor
 * a command.
 */
import { builtInProfiles, type BuiltInProfile } from "./builtin-profiles.ts";
import { quotedList, type Problem } from "./problems.ts";
import type { RawProfile } from "./schema.ts";
import { didYouMean } from "../base/suggestion.ts";

/** One step of a chain: a profile of the file, or a built-in one, where every chain ends that reaches it. */
export type ProfileLink =
  | { readonly kind: "file"; readonly name: string; readonly keys: RawProfile }
  | { readonly kind: "built-in"; readonly name: string; readonly profile: BuiltInProfile };

export interface ProfileChains {
  /** By name of profile, built-in ones included; each chain begins with the profile itself. */
  readonly chains: ReadonlyMap<string, readonly ProfileLink[]>;
  readonly problems: readonly Problem[];
}

interface Profiles {
  readonly own: ReadonlyMap<string, RawProfile>;
  /** Every name that means something, those of profiles with a mistake in them included. */
  readonly known: ReadonlySet<string>;
}

/** Follows `extends` for all profiles. Chains with a problem are left out. */
export function resolveChains(profiles: Profiles): ProfileChains {
  const chains = new Map<string, readonly ProfileLink[]>();
  const problems: Problem[] = [];
  const inReportedCycle = new Set<string>();

  for (const name of new Set([...builtInProfiles.keys(), ...profiles.own.keys()])) {
    const followed = follow(name, profiles);
    if (followed.kind === "chain") chains.set(name, followed.links);
    else if (followed.kind === "unknown") problems.push(unknownBase(name, followed.base, profiles));
    else if (followed.kind === "cycle" && !inReportedCycle.has(name)) {
      problems.push(cycle(followed.path));
      for (const member of followed.path) inReportedCycle.add(member);
    }
  }
  return { chains, problems };
}

type Followed =
  | { kind: "chain"; links: ProfileLink[] }
  | { kind: "unknown"; base: string }
  | { kind: "cycle"; path: string[] }
  /** The mistake is another profile's, and is reported there. */
  | { kind: "elsewhere" };

function follow(start: string, profiles: Profiles): Followed {
  const links: ProfileLink[] = [];
  const path: string[] = [];
  let name = start;
  for (;;) {
    const keys = profiles.own.get(name);
    const isBuiltIn = keys === undefined || path.at(-1) === name;
    const builtIn = isBuiltIn ? builtInProfiles.get(name) : undefined;
    if (builtIn) return { kind: "chain", links: [...links, { kind: "built-in", name, profile: builtIn }] };
    if (path.includes(name)) return name === start ? { kind: "cycle", path: [...path, name] } : { kind: "elsewhere" };
    if (keys === undefined) {
      return path.length === 1 && !profiles.known.has(name) ? { kind: "unknown", base: name } : { kind: "elsewhere" };
    }
    links.push({ kind: "file", name, keys });
    const base = keys.extends ?? (keys.command === undefined && builtInProfiles.has(name) ? name : undefined);
    if (base === undefined) return { kind: "chain", links };
    path.push(name);
    name = base;
  }
}

function unknownBase(name: string, base: string, profiles: Profiles): Problem {
  const others = [...profiles.known].filter((known) => known !== name || builtInProfiles.has(known));
  return {
    path: ["acp", "agents", name, "extends"],
    part: "value",
    message: `${name} extends ${JSON.stringify(base)}, which does not exist${didYouMean(base, others)}`,
    hint: `There are ${quotedList(others, "and")}`,
  };
}

function cycle(path: readonly string[]): Problem {
  return {
    path: ["acp", "agents", path[0] ?? "", "extends"],
    part: "value",
    message:
      path.length === 2 ? `${path[0]} extends itself` : `profiles extend each other in a circle: ${path.join(" → ")}`,
    hint: "Let one of them extend a built-in profile, or give it a command of its own",
  };
}
