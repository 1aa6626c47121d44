/**
 * Checks the shape of a configuration: known keys, types, bounds. What is wrong becomes a problem and is taken out, so that
 * the checks of names and variables can go on with the rest. Does not know what the values mean together.
 */
import type * as z from "zod";
import { listed } from "../base/text.ts";
import { configJsonSchema } from "./json-schema.ts";
import { declaredKeys, declaredTables, namePlaceholder } from "./key-tree.ts";
import { formatKeyPath, type KeyPath } from "./positions.ts";
import type { Problem } from "./problems.ts";
import { configFile, type RawConfig } from "./schema.ts";
import { didYouMean } from "../base/suggestion.ts";
import { schemaAt, typeText, valueText, type TypeSchema } from "./value-text.ts";

export interface Validation {
  /** What is right in the file. */
  readonly config: RawConfig;
  readonly problems: readonly Problem[];
}

type Issue = z.core.$ZodIssue;

export function validate(values: Readonly<Record<string, unknown>>): Validation {
  const result = configFile.schema.safeParse(values);
  if (result.success) return { config: result.data, problems: [] };

  const schema = configJsonSchema() as TypeSchema;
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, values, schema));
  const rest = structuredClone(values);
  for (const issue of result.error.issues) removeWrong(rest, issue);
  return { config: configFile.schema.parse(rest), problems };
}

function problemsOf(issue: Issue, values: unknown, schema: TypeSchema): Problem[] {
  const path = keyPath(issue.path);
  if (issue.code === "unrecognized_keys") return issue.keys.map((name) => unknownKey(path, name, schema));
  if (issue.code === "invalid_key") return [wrongName(path)];

  const name = path.findLast((part) => typeof part === "string") ?? "";
  const value = valueAt(values, path);
  const type = schemaAt(schema, path);
  const format = issue.code === "invalid_format" && type.title === undefined ? ` (${issue.message})` : "";
  const expected = typeText(type) + format;
  const subject = typeof path.at(-1) === "number" ? `entry of ${name}` : formatKeyPath([name]);
  const choices = (type.enum ?? []).filter((choice) => typeof choice === "string");
  const meant = typeof value === "string" ? didYouMean(value, choices) : "";
  return [{ path, part: "value", message: `${subject}: expected ${expected}, got ${valueText(name, value)}${meant}` }];
}

function unknownKey(tablePath: KeyPath, name: string, schema: TypeSchema): Problem {
  const known = Object.keys(schemaAt(schema, tablePath).properties ?? {});
  const place = tablePath.length === 0 ? "at the top of the file" : `in [${formatKeyPath(tablePath)}]`;
  const rightPlace = placeOfKey(name, tablePath);
  const whatThen =
    didYouMean(name, known) ||
    (rightPlace === undefined
      ? `; this version of Crucible knows ${listed(known, "and")} there`
      : `; it belongs ${rightPlace}`);
  return {
    path: [...tablePath, name],
    part: "key",
    message: `unknown key ${JSON.stringify(name)} ${place}${whatThen}`,
    hint: `This version of Crucible knows ${listed(known, "and")} there`,
  };
}

/** Where a key or table of this name would be right, in the words of the path at hand. */
function placeOfKey(name: string, tablePath: KeyPath): string | undefined {
  const declared = [
    ...declaredKeys(configFile).map(({ path }) => path),
    ...declaredTables(configFile).map(({ path }) => (path.at(-1) === namePlaceholder ? path.slice(0, -1) : path)),
  ].find((path) => path.at(-1) === name);
  if (!declared) return undefined;
  const owner = declared.slice(0, -1);
  if (owner.length === 0) return "at the top of the file";
  return `in [${formatKeyPath(owner.map((part, index) => (part === namePlaceholder ? (tablePath[index] ?? part) : part)))}]`;
}

function wrongName(path: KeyPath): Problem {
  const name = String(path.at(-1));
  const message =
    path.at(-2) === "env"
      ? `${JSON.stringify(name)} cannot be the name of an environment variable: expected a name that is not empty and has no "="`
      : profileNameMessage(name);
  return { path, part: "key", message };
}

function profileNameMessage(name: string): string {
  if (name === "self") return 'a profile cannot be named "self": the word stands for the caller\'s own profile';
  return `${JSON.stringify(name)} cannot be the name of a profile: expected 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-"`;
}

function valueAt(values: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((at, part) => (isTable(at) ? at[part] : undefined), values);
}

function removeWrong(values: unknown, issue: Issue): void {
  const path = keyPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    for (const name of issue.keys) removeAt(values, [...path, name]);
    return;
  }
  // An array with a wrong entry goes as a whole: its other entries alone would mean something else.
  const firstEntry = path.findIndex((part) => typeof part === "number");
  removeAt(values, firstEntry === -1 ? path : path.slice(0, firstEntry));
}

function removeAt(values: unknown, path: KeyPath): void {
  const owner = valueAt(values, path.slice(0, -1));
  const name = path.at(-1);
  if (isTable(owner) && name !== undefined) delete owner[name];
}

function isTable(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}

function keyPath(path: readonly PropertyKey[]): KeyPath {
  return path.map((part) => (typeof part === "symbol" ? String(part) : part));
}
