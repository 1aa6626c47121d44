/**
 * How a command is described: once, as data, from which the help, the reference, the parser with all its advice and the quick
 * one are made.
 */

export interface OptionSpec {
  /** Name of the value, as the help shows it; without one the option is a switch. */
  readonly value?: string;
  readonly text: string;
  /** One letter that stands for it, where people type it without thinking. */
  readonly short?: string;
  readonly choices?: readonly string[];
  /** Not shown to people. */
  readonly hidden?: boolean;
}

interface ArgumentSpec {
  readonly name: string;
  readonly text: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What a command is given for its options: text where a value belongs to it, else whether it was there. */
export type OptionValues<Options extends OptionSpecs> = {
  -readonly [Name in keyof Options]: Options[Name] extends { value: string } ? string | undefined : boolean;
};

export interface CommandSpec<Options extends OptionSpecs = OptionSpecs> {
  /** Words after `crucible`. */
  readonly name: string;
  readonly summary: string;
  /** More than the summary, for its own help. */
  readonly details: string;
  readonly arguments: readonly ArgumentSpec[];
  /** By their name in camelCase: `noAutostart` is `--no-autostart`. */
  readonly options: Options;
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  /** Resolves to the exit code. */
  run(options: OptionValues<Options>, args: readonly string[]): Promise<number>;
}

type Given<Options extends OptionSpecs> = Pick<CommandSpec<Options>, "name" | "summary" | "details" | "examples"> &
  Partial<Pick<CommandSpec<Options>, "arguments">> & {
    options: Options;
    run: CommandSpec<Options>["run"];
  };

/** Describes a command; `run` knows the types of its options. */
export function command<const Options extends OptionSpecs>(given: Given<Options>): CommandSpec {
  return { arguments: [], ...given };
}

/** `noAutostart` as `--no-autostart`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`;
}
