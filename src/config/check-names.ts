/** Checks what the profiles of a file say about each other: names that must exist, and that each can be started at all. */
import { builtInProfiles } from "./builtin-profiles.ts";
import { quotedList, type Problem } from "./problems.ts";
import type { RawConfig, RawProfile } from "./schema.ts";
import { didYouMean } from "../base/suggestion.ts";

/** Targets and default agent exist; `known` are all names of profiles. */
export function checkNames(config: RawConfig, known: ReadonlySet<string>): Problem[] {
  const problems = Object.entries(config.acp?.agents ?? {}).flatMap(([name, profile]) =>
    checkTargets(name, profile, known),
  );
  const defaultAgent = config.acp?.default_agent;
  if (defaultAgent !== undefined && !known.has(defaultAgent)) {
    problems.push({
      path: ["acp", "default_agent"],
      part: "value",
      message: `default_agent: there is no profile ${JSON.stringify(defaultAgent)}${didYouMean(defaultAgent, known)}`,
      hint: `There are ${quotedList(known, "and")}`,
    });
  }
  return problems;
}

function checkTargets(name: string, profile: RawProfile, known: ReadonlySet<string>): Problem[] {
  const targets = profile.delegation?.allowed_targets ?? [];
  return targets.flatMap((target, index) => {
    if (known.has(target)) return [];
    const path = ["acp", "agents", name, "delegation", "allowed_targets", index];
    if (target === "self") {
      const hint = 'Leave "self" out: delegating to the own profile needs remaining depth and no entry';
      return [{ path, part: "value", message: 'allowed_targets: "self" is not the name of a profile', hint }];
    }
    return [
      {
        path,
        part: "value",
        message: `allowed_targets: there is no profile ${JSON.stringify(target)}${didYouMean(target, known)}`,
        hint: `There are ${quotedList(known, "and")}`,
      },
    ];
  });
}

/**
 * A profile that extends nothing needs a command, unless it has the name of a built-in one, which it refines then. `written` are the profiles as they stand in the file, mistakes included,
 * so that a key with a wrong value does not count as missing.
 */
export function checkCommands(config: RawConfig, written: Readonly<Record<string, unknown>>): Problem[] {
  return Object.keys(config.acp?.agents ?? {}).flatMap((name) => {
    const keys = written[name];
    if (typeof keys !== "object" || keys === null || "command" in keys || "extends" in keys) return [];
    if (builtInProfiles.has(name)) return [];
    const hint = `Set command to the program that speaks ACP, or extends to one of ${quotedList(builtInProfiles.keys())}`;
    const message = `the profile ${JSON.stringify(name)} has neither command nor extends: nothing says what to start`;
    return [{ path: ["acp", "agents", name], part: "key", message, hint }];
  });
}
