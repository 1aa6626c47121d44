/**
 * Under which names rules know a simple command: its words as they stand, and for rules that forbid also the commands it may
 * run in turn (`sudo rm`, `sh -c 'rm x'`, `find -exec rm`) and its program without its folder.
 */
import { parseCommandLine, type SimpleCommand, type Word } from "./command-line.ts";

export interface CommandNames {
  /** What an allow rule has to fit; undefined when it is not certain what runs. */
  readonly proper: string | undefined;
  /** What else a deny or ask rule may fit. */
  readonly suspected: readonly string[];
  /** It may run more than is known. */
  readonly unclear: boolean;
}

const shells = new Set([
  "sh",
  "bash",
  "dash",
  "zsh",
  "ksh",
  "mksh",
  "ash",
  "fish",
  "csh",
  "tcsh",
  "rbash",
  "pwsh",
  "nu",
]);

/** Programs that read more of the shell's language from their arguments. */
const evaluators = new Set(["eval", "source", ".", "trap", "alias"]);

/** Programs that run the program named in their arguments, or a command line given in one. */
const wrappers = new Set(
  (
    "sudo doas su runuser pkexec env nohup nice ionice taskset chrt prlimit timeout time stdbuf unbuffer setsid setarch unshare " +
    "nsenter chroot fakeroot bwrap firejail systemd-run watch xargs parallel exec command builtin coproc function find fd fdfind " +
    "busybox toybox ssh script flock strace ltrace npx bunx pnpx caffeinate entr linux32 linux64"
  ).split(" "),
);

/** Words of one command under whose suffixes others may hide; more make it unclear. */
const maxWrappedWords = 200;

/** Commands within commands that are looked at for one command line; more make it unclear. */
const maxInnerCommands = 500;

/** Characters of all that is looked at for one command line; more make it unclear. */
const maxCharacters = 512 * 1024;

/** Of each simple command of a line. */
export function namesOf(commands: readonly SimpleCommand[]): CommandNames[] {
  const budget = { commands: maxInnerCommands + commands.length, characters: maxCharacters };
  return commands.map((command) => {
    const isCertain = !command.assigns && command.words.length > 0 && command.words.every(({ dynamic }) => !dynamic);
    const suspects = new Suspects(budget);
    suspects.add(command, 0);
    return {
      proper: isCertain ? joined(command.words) : undefined,
      suspected: [...suspects.names],
      unclear: suspects.unclear,
    };
  });
}

/** What may still be looked at. */
interface Budget {
  commands: number;
  characters: number;
}

/** Gathers every name a command, and what it may run, goes by. */
class Suspects {
  readonly names = new Set<string>();
  unclear = false;
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  add(command: SimpleCommand, nesting: number): void {
    const { words, hasScriptInput } = command;
    const [program, ...rest] = words;
    if (!program || !this.#mayGoOn()) return;
    this.#budget.commands--;
    const name = nameOf(program);
    this.#addNames(words);
    // A pattern or an expansion in place of the program can be any program.
    if (program.dynamic || /[*?[]/.test(program.text)) this.unclear = true;

    const isShell = shells.has(name);
    if (!isShell && !evaluators.has(name) && !wrappers.has(name)) return;
    // What it runs is made of these words.
    if (rest.some(({ dynamic }) => dynamic) || rest.length > maxWrappedWords) this.unclear = true;
    if (isShell && (hasScriptInput || rest.every(({ text }) => /^[-+]/.test(text)))) this.unclear = true;
    if (isShell || evaluators.has(name)) {
      for (const script of [joined(rest), ...rest.map(({ text }) => text)]) this.#addScript(script, nesting);
    } else this.#addWrapped(command, nesting);
  }

  #addWrapped({ words, ...command }: SimpleCommand, nesting: number): void {
    // Which of the words are its own options cannot be told, so what it runs may begin with any of them.
    for (let at = 1; at < words.length && at <= maxWrappedWords && this.#mayGoOn(); at++) {
      const tail = words.slice(at);
      const first = words[at]!;
      const name = nameOf(first);
      if (shells.has(name) || evaluators.has(name)) this.add({ ...command, words: tail }, nesting);
      else this.#addNames(tail);
      if (/[\s;&|`]|\$\(/.test(first.text)) this.#addScript(first.text, nesting);
    }
  }

  #addScript(script: string, nesting: number): void {
    if (!this.#mayGoOn()) return;
    this.#budget.characters -= script.length;
    const line = parseCommandLine(script, nesting + 1);
    if (line.unclear) this.unclear = true;
    for (const command of line.commands) this.add(command, nesting + 1);
  }

  #mayGoOn(): boolean {
    const may = this.#budget.commands > 0 && this.#budget.characters > 0;
    if (!may) this.unclear = true;
    return may;
  }

  #addNames(words: readonly Word[]): void {
    const whole = joined(words);
    this.#budget.characters -= 2 * whole.length;
    this.names.add(whole);
    this.names.add([nameOf(words[0]!), ...words.slice(1).map(({ text }) => text)].join(" "));
  }
}

function joined(words: readonly Word[]): string {
  return words.map(({ text }) => text).join(" ");
}

/** The program without its folder. */
function nameOf(program: Word): string {
  return program.text.slice(program.text.lastIndexOf("/") + 1);
}
