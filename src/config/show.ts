/** The resolved configuration as data to print: every value with where it comes from, and no secret in it. */
import { isSecret, isSecretName, redacted, redactText } from "../base/secrets.ts";
import { environmentNames } from "./environment.ts";
import { configEntries, type ConfigEntry } from "./entries.ts";
import { loadWithOrigins, type LoadedConfig } from "./load.ts";
import type { ConfigRequest } from "./locate.ts";

export interface DescribedValue {
  /** As TOML writes it: `acp.agents.my-claude.delegation.max_depth`. */
  readonly key: string;
  /** null = not set. */
  readonly value: unknown;
  /** `default`, `built-in NAME` or `FILE:LINE`. */
  readonly origin: string;
}

export interface ConfigDescription {
  /** The file that was read; null = none. */
  readonly file: string | null;
  readonly values: readonly DescribedValue[];
  /** By profile: names of the variables its agents get, as seen from here. */
  readonly environment: Readonly<Record<string, readonly string[]>>;
}

/** Loads the configuration of this request and describes it. Throws as `loadConfig` does. */
export function describeConfig(request: ConfigRequest): ConfigDescription {
  const loaded = loadWithOrigins(request);
  const values = configEntries(loaded.config).map((entry) => ({
    key: entry.key,
    value: shownValue(entry, loaded),
    origin: loaded.origins.get(entry.key) ?? "default",
  }));
  const environment = [...loaded.config.agents.values()].map((profile): [string, string[]] => [
    profile.name,
    environmentNames(profile, request.env),
  ]);
  return { file: loaded.config.file ?? null, values, environment: Object.fromEntries(environment) };
}

function shownValue({ path, key, value }: ConfigEntry, { secretPaths }: LoadedConfig): unknown {
  if (secretPaths.has(key)) return redacted;
  if (Array.isArray(value)) return withoutSecretArguments(value.map(String));
  if (typeof value !== "string") return value ?? null;
  const isVariable = path.at(-2) === "env";
  return isVariable && isSecret(String(path.at(-1)), value) ? redacted : redactText(value);
}

/** Hides what follows an option such as `--api-key`, besides everything that looks secret by itself. */
function withoutSecretArguments(values: readonly string[]): string[] {
  return values.map((value, index) => {
    const option = values[index - 1];
    const followsSecretOption = option?.startsWith("-") === true && !option.includes("=") && isSecretName(option);
    return followsSecretOption && !value.startsWith("-") ? redacted : redactText(value);
  });
}
