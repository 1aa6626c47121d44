/** What changed between two configurations, for the message after a reload. */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config.ts";
import { configEntries } from "./entries.ts";
import { formatKeyPath } from "./positions.ts";

/**
 * Paths of the keys whose resolved values differ, sorted, as TOML writes them. A profile that came or went is one path.
 * A value that changed in a profile because it changed in one it extends is listed for both.
 */
export function diffConfig(before: Config, after: Config): string[] {
  const changedProfiles = [...new Set([...before.agents.keys(), ...after.agents.keys()])].filter(
    (name) => before.agents.has(name) !== after.agents.has(name),
  );
  const valuesBefore = valuesOf(before, changedProfiles);
  const valuesAfter = valuesOf(after, changedProfiles);
  const changedKeys = [...new Set([...valuesBefore.keys(), ...valuesAfter.keys()])].filter(
    (key) => !isDeepStrictEqual(valuesBefore.get(key), valuesAfter.get(key)),
  );
  return [...changedProfiles.map((name) => formatKeyPath(["acp", "agents", name])), ...changedKeys].toSorted();
}

function valuesOf(config: Config, without: readonly string[]): Map<string, unknown> {
  const entries = configEntries(config).filter(
    ({ path }) => !(path[1] === "agents" && without.includes(String(path[2]))),
  );
  return new Map(entries.map(({ key, value }) => [key, value]));
}
