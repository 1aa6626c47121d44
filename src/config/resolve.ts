/**
 * Makes the Config out of a checked file: fills in defaults, lays profiles over those they extend, and notes of every value
 * where it comes from. Scalars and arrays replace what is below them; `env` and `delegation` merge key by key.
 */
import { builtInProfiles } from "./builtin-profiles.ts";
import type { AgentProfile, Config } from "./config.ts";
import type { ProfileLink } from "./extends.ts";
import { deepFreeze } from "./freeze.ts";
import { camelCase, type Key, type ResolvedKeys, type Table } from "./key-tree.ts";
import { formatKeyPath, type KeyPath } from "./positions.ts";
import { byteCount } from "./byte-size.ts";
import {
  configFile,
  delegationTable,
  permissionsTable,
  profileTable,
  sandboxTable,
  type RawConfig,
  type RawProfile,
} from "./schema.ts";
import { placeOf, type ConfigSource } from "./source.ts";

export interface ResolvedConfig {
  readonly config: Config;
  /** By formatted key path: `built-in claude` or `file:line`; what is missing is a default. */
  readonly origins: ReadonlyMap<string, string>;
}

/** Resolves a file without problems; without a source only the built-in profiles are there. */
export function resolveConfig(
  raw: RawConfig,
  options: { source: ConfigSource | undefined; chains: ReadonlyMap<string, readonly ProfileLink[]> },
): ResolvedConfig {
  const { source, chains } = options;
  const resolver = new Resolver(source, raw);
  const { memory, ...limits } = resolver.section(configFile.members.limits, raw.limits, ["limits"]);
  const { defaultAgent, npx } = resolver.section(configFile.members.acp, raw.acp, ["acp"]);
  const agents = new Map([...chains].map(([name, links]) => [name, resolver.profile(name, links)]));
  const config: Config = {
    file: source?.file,
    acp: { defaultAgent, npx },
    agents,
    permissions: resolver.section(permissionsTable, raw.permissions, ["permissions"]),
    kiln: resolver.section(configFile.members.kiln, raw.kiln, ["kiln"]),
    sandbox: resolver.section(sandboxTable, raw.sandbox, ["sandbox"]),
    limits: { ...limits, memory: byteCount(memory) },
    server: resolver.section(configFile.members.server, raw.server, ["server"]),
  };
  return { config: deepFreeze(config), origins: resolver.origins };
}

/** Values of one table from one place; `path` is where they stand, for the origin. */
interface Layer {
  readonly values: Readonly<Record<string, unknown>> | undefined;
  originOf(path: KeyPath): string;
}

class Resolver {
  readonly origins = new Map<string, string>();
  readonly #source: ConfigSource | undefined;
  readonly #raw: RawConfig;

  constructor(source: ConfigSource | undefined, raw: RawConfig) {
    this.#source = source;
    this.#raw = raw;
  }

  section<T extends Table>(table: T, values: Layer["values"], path: KeyPath): ResolvedKeys<T> {
    return this.#keys(table, [this.#fileLayer(values, path)], path);
  }

  profile(name: string, links: readonly ProfileLink[]): AgentProfile {
    const path = ["acp", "agents", name];
    const keys = this.#keys(
      profileTable,
      links.map((link) => this.#profileLayer(link)),
      path,
    );
    const delegationLayers = links.map((link) => this.#tableLayer(link, "delegation"));
    const delegation = this.#keys(delegationTable, delegationLayers, [...path, "delegation"]);
    const { extends: _base, command, ...rest } = keys;
    if (command === undefined) throw new Error(`profile ${name} was not checked for its command`);
    return {
      name,
      ...rest,
      command,
      permissions: this.#permissions(links, path),
      sandbox: this.#sandbox(links, path),
      delegation,
      ...builtInFacts(links),
      lineage: links.slice(1).map((link) => link.name),
    };
  }

  /** The nearest table of rules counts alone: rules of two places, laid over each other, would mean what neither says. */
  #permissions(links: readonly ProfileLink[], path: KeyPath): AgentProfile["permissions"] {
    const nearest = links.find((link) => link.kind === "file" && link.keys.permissions !== undefined);
    const layer = nearest
      ? this.#tableLayer(nearest, "permissions")
      : this.#fileLayer(this.#raw.permissions, ["permissions"]);
    return this.#keys(permissionsTable, [layer], [...path, "permissions"]);
  }

  #sandbox(links: readonly ProfileLink[], path: KeyPath): AgentProfile["sandbox"] {
    const own = links.map((link) => this.#tableLayer(link, "sandbox"));
    return this.#keys(sandboxTable, [...own, this.#fileLayer(this.#raw.sandbox, ["sandbox"])], [...path, "sandbox"]);
  }

  /** The keys of a table from several layers, the nearest first. */
  #keys<T extends Table>(table: T, layers: readonly Layer[], path: KeyPath): ResolvedKeys<T> {
    const resolved: Record<string, unknown> = {};
    for (const [name, node] of Object.entries(table.members)) {
      if (node.kind !== "key") continue;
      const target = [...path, name];
      resolved[camelCase(name)] = node.mergesByKey
        ? this.#merged(name, layers, target)
        : this.#nearest({ name, key: node }, layers, target);
    }
    return resolved as ResolvedKeys<T>;
  }

  #nearest({ name, key }: { name: string; key: Key }, layers: readonly Layer[], target: KeyPath): unknown {
    const layer = layers.find(({ values }) => values?.[name] !== undefined);
    if (!layer) return structuredClone(key.default);
    this.origins.set(formatKeyPath(target), layer.originOf([name]));
    return structuredClone(layer.values?.[name]);
  }

  #merged(name: string, layers: readonly Layer[], target: KeyPath): unknown {
    const merged: Record<string, unknown> = {};
    for (const layer of layers.toReversed()) {
      for (const [entry, value] of Object.entries(layer.values?.[name] ?? {})) {
        merged[entry] = value;
        this.origins.set(formatKeyPath([...target, entry]), layer.originOf([name, entry]));
      }
    }
    return merged;
  }

  #profileLayer(link: ProfileLink): Layer {
    if (link.kind === "file") return this.#fileLayer(link.keys, ["acp", "agents", link.name]);
    return { values: link.profile.keys, originOf: () => `built-in ${link.name}` };
  }

  /** A table within a profile of the file. */
  #tableLayer(link: ProfileLink, name: keyof RawProfile & ("delegation" | "permissions" | "sandbox")): Layer {
    const values = link.kind === "file" ? link.keys[name] : undefined;
    return this.#fileLayer(values, ["acp", "agents", link.name, name]);
  }

  #fileLayer(values: Layer["values"], path: KeyPath): Layer {
    const source = this.#source;
    return {
      values,
      originOf: (below) => (source ? `${source.file}:${placeOf(source, [...path, ...below], "key").line}` : "default"),
    };
  }
}

/** What only built-in profiles bring. How to install a program is not inherited by one that replaces the program. */
function builtInFacts(
  links: readonly ProfileLink[],
): Pick<AgentProfile, "family" | "install" | "npmPackage" | "clientFiles"> {
  const end = links.at(-1);
  const builtIn = end?.kind === "built-in" ? builtInProfiles.get(end.name) : undefined;
  const hasOwnCommand = links.some((link) => link.kind === "file" && link.keys.command !== undefined);
  return {
    family: builtIn && end?.name,
    install: hasOwnCommand ? undefined : builtIn?.install,
    npmPackage: hasOwnCommand ? undefined : builtIn?.npmPackage,
    clientFiles: { ...(builtIn?.clientFiles ?? { read: true, write: true }) },
  };
}
