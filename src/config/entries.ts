/** A resolved configuration as a flat list of keys and values, under the names they have in the file. */
import type { Config } from "./config.ts";
import { camelCase, declaredKeys, namePlaceholder, type DeclaredKey } from "./key-tree.ts";
import { formatKeyPath, type KeyPath } from "./positions.ts";
import { configFile } from "./schema.ts";

export interface ConfigEntry {
  readonly path: KeyPath;
  /** The path as TOML writes it. */
  readonly key: string;
  /** undefined = not set. */
  readonly value: unknown;
}

/** All keys, those not set included; tables that merge key by key, such as `env`, give one entry for each of their keys. */
export function configEntries(config: Config): ConfigEntry[] {
  const declared = declaredKeys(configFile);
  const ofProfiles = declared.filter(({ path }) => path.includes(namePlaceholder));
  const ofFile = declared.filter(({ path }) => !path.includes(namePlaceholder));
  return [
    ...ofFile.flatMap((key) => entriesOf(key, key.path, valueAt(config, key.path))),
    ...[...config.agents.values()].flatMap((profile) =>
      ofProfiles.flatMap((key) => {
        const below = key.path.slice(key.path.indexOf(namePlaceholder) + 1);
        const path = key.path.map((part) => (part === namePlaceholder ? profile.name : part));
        const value = below.join(".") === "extends" ? profile.lineage[0] : valueAt(profile, below);
        return entriesOf(key, path, value);
      }),
    ),
  ];
}

function entriesOf({ key }: DeclaredKey, path: KeyPath, value: unknown): ConfigEntry[] {
  if (!key.mergesByKey) return [{ path, key: formatKeyPath(path), value }];
  return Object.entries(value ?? {}).map(([name, inner]) => {
    const innerPath = [...path, name];
    return { path: innerPath, key: formatKeyPath(innerPath), value: inner };
  });
}

function valueAt(values: unknown, names: readonly string[]): unknown {
  return names.reduce<unknown>((at, name) => {
    return typeof at === "object" && at !== null ? Reflect.get(at, camelCase(name)) : undefined;
  }, values);
}
