/**
 * From a request to the Config: find the file, read it, parse it, check it, resolve it. Everything that is wrong with the
 * file is reported at once. This is the door of the folder for those who need a configuration.
 */
import type { Config } from "./config.ts";
import { checkBriefs } from "./brief-template.ts";
import { builtInProfiles } from "./builtin-profiles.ts";
import { checkCommands, checkNames } from "./check-names.ts";
import { expandConfig } from "./expand.ts";
import { resolveChains } from "./extends.ts";
import { locateConfig, type ConfigRequest } from "./locate.ts";
import { invalidConfig } from "./problems.ts";
import { readConfigText } from "./read-file.ts";
import { resolveConfig, type ResolvedConfig } from "./resolve.ts";
import { parseSource, type ConfigSource } from "./source.ts";
import type { Environment } from "../base/paths.ts";
import { validate } from "./validate.ts";

/**
 * The configuration that counts for this request, deeply frozen. Throws CrucibleErrors with the codes CRU_CONFIG_NOT_FOUND,
 * CRU_CONFIG_UNREADABLE, CRU_CONFIG_SYNTAX and CRU_CONFIG_INVALID.
 */
export function loadConfig(request: ConfigRequest): Config {
  return loadWithOrigins(request).config;
}

export interface LoadedConfig extends ResolvedConfig {
  /** Of the file; empty where there is none. */
  readonly text: string;
  /** Formatted key paths of values that hold a variable whose name says that it is secret. */
  readonly secretPaths: ReadonlySet<string>;
}

/** As `loadConfig`, with where each value comes from. */
export function loadWithOrigins(request: ConfigRequest): LoadedConfig {
  const located = locateConfig(request);
  if (!located) return withoutFile();
  return fromSource(parseSource(located.file, readConfigText(located.file)), request.env);
}

function withoutFile(): LoadedConfig {
  const { chains } = resolveChains({ own: new Map(), known: new Set(builtInProfiles.keys()) });
  return { ...resolveConfig({}, { source: undefined, chains }), text: "", secretPaths: new Set() };
}

function fromSource(source: ConfigSource, env: Environment): LoadedConfig {
  const shape = validate(source.values);
  const expanded = expandConfig(shape.config, { file: source.file, env });
  const { config } = expanded;
  const written = writtenProfiles(source.values);
  const known = new Set([...builtInProfiles.keys(), ...Object.keys(written)]);
  const own = new Map(Object.entries(config.acp?.agents ?? {}));
  const { chains, problems: chainProblems } = resolveChains({ own, known });

  const problems = [
    ...shape.problems,
    ...expanded.problems,
    ...chainProblems,
    ...checkNames(config, known),
    ...checkCommands(config, written),
    ...checkBriefs(config),
  ];
  if (problems.length > 0) throw invalidConfig(source, problems);
  const { secretPaths } = expanded;
  return { ...resolveConfig(config, { source, chains }), text: source.text, secretPaths };
}

/** The profiles as they stand in the file, right or wrong. */
function writtenProfiles(values: ConfigSource["values"]): Readonly<Record<string, unknown>> {
  const acp = values["acp"];
  if (!isTable(acp) || !isTable(acp["agents"])) return {};
  return acp["agents"];
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
