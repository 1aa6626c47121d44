/**
 * The command line as commander understands it, made from the table of commands: parsing, help, and advice for what was typed
 * wrong. Its messages are put into the shape of all other errors here.
 */
import { Command, CommanderError, Option, type Argument } from "commander";
import { exitCodes } from "../base/errors.ts";
import { programVersion } from "../base/version.ts";
import { flagOf, type CommandSpec, type OptionSpec, type OptionSpecs, type OptionValues } from "./command-spec.ts";
import { commandGroups, commandTable } from "./command-table.ts";
import { usageError } from "./errors.ts";
import { print, tell } from "./terminal.ts";

/** Runs what the arguments say and resolves to the exit code. Rejects with CRU_USAGE and whatever the command rejects with. */
export async function runProgram(args: readonly string[]): Promise<number> {
  const output: Output = { help: "", missing: "" };
  let exitCode: number = exitCodes.ok;
  const program = buildProgram({ output, onExit: (code) => (exitCode = code) });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) {
      await print(output.help);
      return exitCodes.ok;
    }
    // Nothing was asked for: the help is the answer, but not the data that a script waits for.
    if (error.code === "commander.help") {
      await tell(output.missing);
      return exitCodes.usage;
    }
    throw usageError.create(error.message, { hint: "see `crucible --help`" });
  }
}

/** What would be printed is kept here. */
interface Output {
  /** Asked for: help, version. */
  help: string;
  /** The help that stands in for a command that was not given. */
  missing: string;
}

export interface ProgramOptions {
  output: Output;
  /** Hears the exit code of the command that ran. */
  onExit: (code: number) => void;
  table?: readonly CommandSpec[];
}

/** The program with all its commands. */
export function buildProgram({ output, onExit, table = commandTable }: ProgramOptions): Command {
  const program = new Command("crucible")
    .description("One endpoint for every ACP coding agent, and delegation between them under your rules.")
    .helpCommand("help [command]", "show the help of a command")
    .addHelpText("after", "\nBegin with `crucible demo`, which needs nothing, and `crucible agents`.")
    .showSuggestionAfterError(true);
  prepare(program, output);

  const groups = new Map<string, Command>();
  for (const spec of table) {
    const words = spec.name.split(" ");
    const [first = ""] = words;
    if (words.length > 1 && !groups.has(first)) {
      groups.set(first, prepare(program.command(first).description(commandGroups[first] ?? ""), output));
    }
    const parent = words.length > 1 ? groups.get(first) : program;
    if (parent) addCommand(prepare(parent.command(words.at(-1) ?? ""), output), { spec, onExit });
  }
  return program;
}

function prepare(command: Command, output: Output): Command {
  return command
    .helpOption("-h, --help", "show this help")
    .configureHelp({ subcommandTerm: (sub) => [sub.name(), ...sub.registeredArguments.map(argumentTerm)].join(" ") })
    .version(programVersion(), "-V, --version", "print the version")
    .configureOutput({
      writeOut: (text) => (output.help += text),
      writeErr: (text) => (output.missing += text),
      outputError: () => {},
    })
    .exitOverride((error) => {
      throw error.exitCode === 0 || error.code === "commander.help" ? error : inOurWords(error, command);
    });
}

function addCommand(command: Command, { spec, onExit }: { spec: CommandSpec; onExit: (code: number) => void }): void {
  command.summary(spec.summary).description(`${capitalized(spec.summary)}.\n\n${spec.details}`);
  for (const { name, text } of spec.arguments) command.argument(`<${name}>`, text);
  for (const [name, option] of Object.entries(spec.options)) command.addOption(optionOf(name, option));
  command.addHelpText("after", `\nExamples:\n${examplesText(spec)}`);
  command.action(async () => onExit(await spec.run(valuesOf(command, spec), command.args)));
}

function argumentTerm(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

function optionOf(name: string, { value, text, short, choices, hidden = false }: OptionSpec): Option {
  const flags = short === undefined ? flagOf(name) : `-${short}, ${flagOf(name)}`;
  const option = new Option(value === undefined ? flags : `${flags} <${value}>`, text).hideHelp(hidden);
  return choices ? option.choices(choices) : option;
}

function valuesOf(command: Command, spec: CommandSpec): OptionValues<OptionSpecs> {
  const given = command.options.map((option) => {
    const value: unknown = command.getOptionValue(option.attributeName());
    // The library keeps `--no-x` as an `x` that is false.
    const isSet = option.negate ? value === false : value;
    return [camelCase(option.long ?? ""), isSet] as const;
  });
  const values = new Map(given);
  const named = Object.entries(spec.options).map(([name, option]) => {
    const value = values.get(name);
    return [name, option.value === undefined ? value === true : value] as const;
  });
  return Object.fromEntries(named) as OptionValues<OptionSpecs>;
}

/** `error: unknown option '--sokcet'\n(Did you mean --socket?)` as one of our errors. */
function inOurWords(error: CommanderError, command: Command): Error {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const advice = /^\(Did you mean (.*)\?\)$/s.exec(rest.join("\n"))?.[1];
  const names = advice?.replace(/^one of /, "");
  return usageError.create(names === undefined ? [first, ...rest].join(" ") : `${first}; did you mean ${names}?`, {
    hint: `see \`${fullName(command)} --help\``,
    cause: error,
  });
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function examplesText({ examples }: CommandSpec): string {
  return examples.map(({ line, does }) => `  # ${does}\n  ${line}`).join("\n\n");
}

function camelCase(flag: string): string {
  return flag.replace(/^--/, "").replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase());
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
