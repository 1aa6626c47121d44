/**
 * Under which names rules know a simple command: its words as they stand, and for rules that forbid also the commands it may
 * run in turn (`sudo rm`, `sh -c 'rm x'`, `find -exec rm`) and its program without its folder.
 */
import { parseCommandLine } from "./command-line.ts";
import type { SimpleCommand, Word } from "./simple-commands.ts";

export interface CommandNames {
  /** What an allow rule has to fit; undefined when it is not certain what runs. */
  readonly proper: string | undefined;
  /** What else a deny or ask rule may fit. */
  readonly suspected: readonly string[];
  /** Beginnings of what it is known by, where the rest is made only when it runs. */
  readonly beginnings: readonly string[];
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
const evaluators = new Set(["eval", "source", ".", "trap", "alias", "hash"]);

/** Those that give a program another name, under which nobody knows it. */
const renamers = new Set(["alias", "hash"]);

/** What stands for the standard input, and holds what another command of the line says. */
const inputFile = /^\/(?:dev|proc)\//;

/** Options with which a command line is glued together: `env -S'rm x'`, `su -c'rm x'`, `script --command='rm x'`. */
const gluedScript = /^(?:--[\w-]+=|-\w*?[cS])(?=.)/;

/** Programs that run the program named in their arguments, or a command line given in one. */
const wrappers = new Set(
  (
    "sudo doas su runuser pkexec env nohup nice ionice taskset chrt prlimit timeout time stdbuf unbuffer setsid setarch unshare " +
    "nsenter chroot fakeroot bwrap firejail systemd-run watch xargs parallel exec command builtin coproc function find fd fdfind " +
    "busybox toybox ssh script flock strace ltrace npx bunx pnpx caffeinate entr linux32 linux64 setpriv choom sg noglob nocorrect"
  ).split(" "),
);

/** Those of them that read more of what they run from their input. */
const inputRunners = new Set(["xargs", "parallel"]);

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
      beginnings: [...suspects.beginnings],
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
  readonly beginnings = new Set<string>();
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
    if (program.dynamic || program.isPattern) this.unclear = true;

    const isShell = shells.has(name);
    if (!isShell && !evaluators.has(name) && !wrappers.has(name)) return;
    const texts = rest.map(({ text }) => text);
    // What it runs is made of these words.
    if (rest.some(({ dynamic }) => dynamic) || rest.length > maxWrappedWords) this.unclear = true;
    if (texts.some((text) => inputFile.test(text))) this.unclear = true;
    if (isShell && (hasScriptInput || texts.some(isReadingInput) || texts.every(isOption))) this.unclear = true;
    if (renamers.has(name) && !texts.every(isOption)) this.unclear = true;
    if (isShell || evaluators.has(name)) {
      for (const script of [joined(rest), ...texts, ...renamed(name, texts)]) this.#addScript(script, nesting);
    } else this.#addWrapped(command, nesting);
  }

  #addWrapped({ words, ...command }: SimpleCommand, nesting: number): void {
    const gathers = inputRunners.has(nameOf(words[0]!));
    // Its last words come from its input, where they may as well be the program.
    if (gathers && words.slice(1).every(({ text }) => isOption(text) || /^\d+$/.test(text))) this.unclear = true;
    // Which of the words are its own options cannot be told, so what it runs may begin with any of them.
    for (let at = 1; at < words.length && at <= maxWrappedWords && this.#mayGoOn(); at++) {
      const tail = words.slice(at);
      const first = words[at]!;
      const name = nameOf(first);
      if (gathers && (wrappers.has(name) || shells.has(name) || evaluators.has(name))) this.unclear = true;
      if (shells.has(name) || evaluators.has(name)) this.add({ ...command, words: tail }, nesting);
      else this.#addNames(tail);
      const script = first.text.replace(gluedScript, "");
      if (/[\s;&|`]|\$\(/.test(script)) this.#addScript(script, nesting);
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
    const made = words.findIndex(({ dynamic }) => dynamic);
    if (made < 1) return;
    const certain = [...words.slice(1, made).map(({ text }) => text), words[made]!.beginning];
    for (const program of [words[0]!.text, nameOf(words[0]!)]) this.beginnings.add([program, ...certain].join(" "));
  }
}

function isOption(text: string): boolean {
  return /^[-+]/.test(text);
}

/** `sh -s x` reads what it runs from its input. */
function isReadingInput(text: string): boolean {
  return /^-[a-z]*s[a-z]*$/i.test(text);
}

/** What other names shall stand for: `rm` of `alias x=rm`. */
function renamed(name: string, texts: readonly string[]): string[] {
  return renamers.has(name) ? texts.map((text) => text.slice(text.indexOf("=") + 1)) : [];
}

function joined(words: readonly Word[]): string {
  return words.map(({ text }) => text).join(" ");
}

/** The program without its folder; zsh finds `=rm` where it finds `rm`. */
function nameOf(program: Word): string {
  return program.text.slice(program.text.lastIndexOf("/") + 1).replace(/^=/, "");
}
