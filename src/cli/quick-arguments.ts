/**
 * Parses what is plainly right, by the same description as everything else, with what Node.js brings along: the command-line
 * library takes longer to load than most commands take. All else is left to that, which knows what to say about it.
 */
import { parseArgs } from "node:util";
import { flagOf, type CommandSpec, type OptionSpecs, type OptionValues } from "./command-spec.ts";

/** A command, and what was typed behind its name. */
export interface Call {
  spec: CommandSpec;
  options: OptionValues<OptionSpecs>;
  args: string[];
}

/** Undefined when somebody else should have a look. */
export function quickCall(typed: readonly string[], table: readonly CommandSpec[]): Call | undefined {
  const spec = table.find(({ name }) => name.split(" ").every((word, index) => typed[index] === word));
  const given = spec && parse(typed.slice(spec.name.split(" ").length), spec.options);
  if (!given || given.positionals.length !== spec.arguments.length) return undefined;
  const named = Object.entries(spec.options).map(([name, { value, choices }]) => {
    const said = given.values[flagOf(name).slice(2)];
    const isOffered = said === undefined || !choices || choices.includes(String(said));
    return { name, isOffered, said: value === undefined ? said === true : said };
  });
  if (!named.every(({ isOffered }) => isOffered)) return undefined;
  const options = Object.fromEntries(named.map(({ name, said }) => [name, said]));
  return { spec, options: options as OptionValues<OptionSpecs>, args: given.positionals };
}

function parse(
  args: string[],
  specs: OptionSpecs,
): Pick<ReturnType<typeof parseArgs>, "values" | "positionals"> | undefined {
  const options = Object.entries(specs).map(([name, { value }]) => {
    return [flagOf(name).slice(2), { type: value === undefined ? "boolean" : "string" }] as const;
  });
  try {
    return parseArgs({ args, options: Object.fromEntries(options), strict: true, allowPositionals: true });
  } catch {
    return undefined;
  }
}
