/** What a command line comes to: words, commands of words, and the files it redirects to. Pure data. */

export interface Word {
  /** Without its quotes. */
  readonly text: string;
  /** It is made only when it runs: by an expansion, a substitution, or braces. */
  readonly dynamic: boolean;
  /** The part of the text that is certain: all that stands before what is made. */
  readonly beginning: string;
  /** It stands for names of files that fit, or for somebody's home. */
  readonly isPattern: boolean;
}

export interface SimpleCommand {
  readonly words: readonly Word[];
  /** It sets variables for itself, as in `PATH=/tmp make`, or for what follows. */
  readonly assigns: boolean;
  /** Its standard input is written into the line. */
  readonly hasScriptInput: boolean;
}

export interface CommandLine {
  readonly commands: readonly SimpleCommand[];
  readonly reads: readonly Word[];
  readonly writes: readonly Word[];
  /** There is more in it than was found. */
  readonly unclear: boolean;
}

export const unknownLine: CommandLine = { commands: [], reads: [], writes: [], unclear: true };

/** A program with its arguments, as no shell sees it. */
export function argumentVector(words: readonly string[]): CommandLine {
  const plain = words.map((text) => ({ text, dynamic: false, beginning: text, isPattern: false }));
  return { ...unknownLine, commands: [{ words: plain, assigns: false, hasScriptInput: false }], unclear: false };
}

/** `{a,b}` or `{1..3}` among the unquoted characters of a word. */
export function hasBraceExpansion(unquoted: string): boolean {
  const open = unquoted.indexOf("{");
  const inside = open === -1 ? "" : unquoted.slice(open, unquoted.lastIndexOf("}") + 1);
  return inside.includes(",") || inside.includes("..");
}

/** Whether they stand for the names of files that fit, or for somebody's home. */
export function isPattern(unquoted: string): boolean {
  // `[` and `[[` are commands; `~` alone, and before a slash, is the user's own home.
  return /[*?[]/.test(unquoted.replace(/^\[\[?$/, "")) || /^~[^/]/.test(unquoted);
}
