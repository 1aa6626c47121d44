/**
 * Parses the arguments of commands that must start quickly, by the same description as everything else, with what Node.js
 * brings along. Anything that is not plainly right is left to the command-line library, which knows what to say about it.
 */
import { parseArgs } from "node:util";
import { flagOf, type CommandSpec, type OptionSpecs, type OptionValues } from "./command-spec.ts";

/** The options that were given; undefined when somebody else should have a look. */
export function quickOptions(spec: CommandSpec, args: string[]): OptionValues<OptionSpecs> | undefined {
  const names = Object.keys(spec.options);
  const types = names.map((name) => {
    const takesValue = spec.options[name]?.value !== undefined;
    return [flagOf(name).slice(2), { type: takesValue ? "string" : "boolean" }] as const;
  });
  let values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  try {
    ({ values } = parseArgs({ args, options: Object.fromEntries(types), strict: true, allowPositionals: false }));
  } catch {
    return undefined;
  }
  const given = names.map((name) => {
    const value = values[flagOf(name).slice(2)];
    return [name, spec.options[name]?.value === undefined ? value === true : value] as const;
  });
  return Object.fromEntries(given) as OptionValues<OptionSpecs>;
}
