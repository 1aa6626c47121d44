/**
 * Puts the environment into paths and values: `~`, `${NAME}`, `${NAME:-default}`. `$${` stands for a plain `${`. Only keys
 * that say so in the schema are expanded; arguments are not, since agents have a syntax of their own for them.
 */
import { dirname, resolve } from "node:path";
import { isSecretName } from "../base/secrets.ts";
import { expandHome, type Environment } from "../base/paths.ts";
import type { Expansion, Table } from "./key-tree.ts";
import { formatKeyPath, type KeyPath } from "./positions.ts";
import type { Problem } from "./problems.ts";
import { configFile, type RawConfig } from "./schema.ts";

export interface ExpandedConfig {
  readonly config: RawConfig;
  /** Paths of values into which a variable was put whose name says that it is secret. */
  readonly secretPaths: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** A copy of the configuration with everything expanded; relative paths count from the directory of `file`. */
export function expandConfig(raw: RawConfig, options: { file: string; env: Environment }): ExpandedConfig {
  const config = structuredClone(raw);
  const secretPaths = new Set<string>();
  const problems: Problem[] = [];

  for (const place of expandablePlaces(configFile, config, [])) {
    const text = place.owner[place.name];
    if (text === undefined) continue;
    const expansion = expandText(text, options.env);
    if (expansion.problem) problems.push({ path: place.path, part: "value", ...expansion.problem });
    else if (expansion.text === "" && place.expansion !== "value") problems.push(emptyValue(place.path, text));
    else place.owner[place.name] = located(expansion.text, { expansion: place.expansion, file: options.file });
    if (expansion.variables.some(isSecretName)) secretPaths.add(formatKeyPath(place.path));
  }
  return { config, secretPaths, problems };
}

interface Place {
  readonly path: KeyPath;
  readonly owner: Record<string, string | undefined>;
  readonly name: string;
  readonly expansion: Expansion;
}

function* expandablePlaces(table: Table, values: unknown, path: KeyPath): Generator<Place> {
  if (!isTable(values)) return;
  for (const [name, node] of Object.entries(table.members)) {
    const value = values[name];
    const below = [...path, name];
    if (node.kind === "table") yield* expandablePlaces(node, value, below);
    else if (node.kind === "named") {
      for (const [chosen, inner] of Object.entries(value ?? {}))
        yield* expandablePlaces(node.table, inner, [...below, chosen]);
    } else if (node.expansion !== undefined && value !== undefined) {
      yield* placesOfKey({ path: below, owner: values as Place["owner"], name, expansion: node.expansion });
    }
  }
}

/** The key itself, or each entry if it holds a table of strings. */
function* placesOfKey(place: Place): Generator<Place> {
  const value: unknown = place.owner[place.name];
  if (!isTable(value)) {
    yield place;
    return;
  }
  for (const name of Object.keys(value)) {
    yield { ...place, path: [...place.path, name], owner: value as Place["owner"], name };
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

interface Expanded {
  readonly text: string;
  readonly variables: readonly string[];
  readonly problem?: { message: string; hint: string };
}

const placeholder = /\$\$\{|\$\{([^}]*)(\}?)/g;
const variable = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/** `~` at the start and `${NAME}` anywhere. Like a shell, `:-` also counts for a variable that is set but empty. */
function expandText(template: string, env: Environment): Expanded {
  const variables: string[] = [];
  let problem: Expanded["problem"];
  const text = expandHome(template, env).replace(placeholder, (whole, inside: string | undefined, end: string) => {
    if (inside === undefined) return "${";
    const [, name, fallback] = variable.exec(inside) ?? [];
    if (name === undefined || end === "") {
      problem ??= malformed(whole);
      return whole;
    }
    variables.push(name);
    const value = env[name];
    if (fallback !== undefined) return value || expandHome(fallback, env);
    if (value === undefined) problem ??= unset(name);
    return value ?? "";
  });
  return problem ? { text, variables, problem } : { text, variables };
}

function malformed(text: string): { message: string; hint: string } {
  return {
    message: `cannot read ${JSON.stringify(text)}: expected \${NAME} or \${NAME:-default}`,
    hint: "Write $${ for a plain ${",
  };
}

function unset(name: string): { message: string; hint: string } {
  return {
    message: `the environment variable ${name} is not set`,
    hint: `Set ${name} where Crucible is started, or give a default: \${${name}:-default}`,
  };
}

function emptyValue(path: KeyPath, template: string): Problem {
  return {
    path,
    part: "value",
    message: `${formatKeyPath(path.slice(-1))}: ${JSON.stringify(template)} is empty once its variables are filled in`,
    hint: "Set the variable, or give a default: ${NAME:-default}",
  };
}

function located(text: string, { expansion, file }: { expansion: Expansion; file: string }): string {
  const isPath = expansion === "path" || (expansion === "command" && /[\\/]/.test(text));
  return isPath ? resolve(dirname(file), text) : text;
}
