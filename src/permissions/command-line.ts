/**
 * A shell command line, taken apart into the simple commands it runs and the files it redirects to (POSIX shell, "Shell Command
 * Language"). It never runs or expands anything. What it cannot read for certain it says so of, and never guesses: whoever
 * allows by what it found must not allow then.
 */

import { endOfDocuments, hereDocument, type HereDocument } from "./here-documents.ts";
import { leadsToFile, redirectionAt } from "./redirections.ts";
import {
  hasBraceExpansion,
  isPattern,
  unknownLine,
  type CommandLine,
  type SimpleCommand,
  type Word,
} from "./simple-commands.ts";

/** Longest command line taken apart, in characters; of a longer one nothing is known. */
export const maxCommandCharacters = 64 * 1024;

/** Levels of substitutions and scripts within scripts that are followed; deeper ones are not known. */
export const maxCommandNesting = 8;

/** `nesting` counts the scripts this one stands in. */
export function parseCommandLine(text: string, nesting = 0): CommandLine {
  if (text.length > maxCommandCharacters || nesting > maxCommandNesting) return unknownLine;
  return new Reader(text, nesting).read();
}

// Words after which another command begins. Those that begin a list of words or a pattern stay: nothing then fits by mistake.
const leadingWords = new Set(["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}"]);
const assignment = /^[A-Za-z_][A-Za-z0-9_]*(\[[^\]]*\])?\+?=/;
const endsWord = new Set([" ", "\t", "\n", ";", "&", "|", "(", ")"]);
/** Taken for one thing by the shell, which joins the lines first, and for two here. */
const joinedAcrossLines = /[$<]\\\n/;

class Reader {
  readonly #text: string;
  readonly #nesting: number;
  #at = 0;
  readonly #commands: SimpleCommand[] = [];
  readonly #reads: Word[] = [];
  readonly #writes: Word[] = [];
  #unclear = false;
  /** Of the simple command being read. */
  #words: Word[] = [];
  #assigns = false;
  #hasScriptInput = false;
  /** How many words stood before a `&>`, which not every shell knows: for the others the command ends there. */
  #wordsBefore: number | undefined;
  /** Parentheses and substitutions around what is being read. */
  #depth = 0;
  /** Here documents whose text begins with the next line. */
  #pendingDocuments: HereDocument[] = [];

  constructor(text: string, nesting: number) {
    this.#text = text;
    this.#nesting = nesting;
  }

  read(): CommandLine {
    this.#unclear = joinedAcrossLines.test(this.#text);
    this.#list(undefined);
    return { commands: this.#commands, reads: this.#reads, writes: this.#writes, unclear: this.#unclear };
  }

  /** Commands up to the closing character, which is taken, or to the end. */
  #list(closing: ")" | undefined): void {
    while (this.#at < this.#text.length) {
      const here = this.#text[this.#at]!;
      if (here === " " || here === "\t" || this.#text.startsWith("\\\n", this.#at)) this.#at += here === "\\" ? 2 : 1;
      else if (here === "#") this.#skipTo("\n");
      else if (here === "\n") this.#endOfLine();
      else if (here === ";" || here === "|" || (here === "&" && this.#text[this.#at + 1] !== ">")) this.#separator();
      else if (here === ")") {
        this.#at++;
        this.#endCommand();
        if (closing) return;
        this.#unclear = true;
      } else if (here === "(") this.#parenthesis();
      else if (!this.#redirection()) this.#addWord(this.#word());
    }
    if (closing) this.#unclear = true;
    this.#endCommand();
    if (this.#pendingDocuments.length > 0) this.#unclear = true;
  }

  #separator(): void {
    this.#at++;
    this.#endCommand();
  }

  #endOfLine(): void {
    this.#at++;
    this.#endCommand();
    const { end, isClear } = endOfDocuments(this.#text, this.#at, this.#pendingDocuments.splice(0));
    this.#at = end;
    if (!isClear) this.#unclear = true;
  }

  /** A subshell; behind a word it defines a function or is a mistake. */
  #parenthesis(): void {
    this.#at++;
    if (this.#words.length > 0) this.#unclear = true;
    this.#endCommand();
    this.#nested(() => this.#list(")"));
  }

  #nested(read: () => void): void {
    const [words, assigns, hasScriptInput] = [this.#words, this.#assigns, this.#hasScriptInput];
    const wordsBefore = this.#wordsBefore;
    // Shells differ in where the text of these begins.
    if (this.#pendingDocuments.length > 0) this.#unclear = true;
    this.#startCommand();
    if (++this.#depth > maxCommandNesting) {
      this.#unclear = true;
      this.#at = this.#text.length;
    } else read();
    this.#depth--;
    this.#words = words;
    this.#assigns = assigns;
    this.#hasScriptInput = hasScriptInput;
    this.#wordsBefore = wordsBefore;
  }

  #startCommand(): void {
    this.#words = [];
    this.#assigns = false;
    this.#hasScriptInput = false;
    this.#wordsBefore = undefined;
  }

  #endCommand(): void {
    if (this.#words.length > 0 || this.#assigns) {
      this.#commands.push({ words: this.#words, assigns: this.#assigns, hasScriptInput: this.#hasScriptInput });
    }
    const after = this.#wordsBefore === undefined ? [] : this.#words.slice(this.#wordsBefore);
    if (after.length > 0) {
      this.#unclear = true;
      this.#commands.push({ words: after, assigns: false, hasScriptInput: this.#hasScriptInput });
    }
    this.#startCommand();
  }

  #addWord(word: Word): void {
    if (this.#words.length > 0) this.#words.push(word);
    else if (assignment.test(word.text)) this.#assigns = true;
    else if (word.dynamic || !leadingWords.has(word.text)) this.#words.push(word);
  }

  /** Takes `>FILE` and its kin; false when none stands here. */
  #redirection(): boolean {
    const operator = redirectionAt(this.#text, this.#at);
    if (!operator) return false;
    const { kind, length, isNamed } = operator;
    if (isNamed) this.#unclear = true;
    this.#at += length;
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
    const start = this.#at;
    const target = this.#word();
    if (this.#at === start) this.#unclear = true;
    if (kind === "&>") this.#wordsBefore ??= this.#words.length;
    if (kind === "<<" || kind === "<<-") {
      this.#pendingDocuments.push(hereDocument(kind, target.text, this.#text.slice(start, this.#at)));
      this.#hasScriptInput = true;
    } else if (kind === "<<<") this.#hasScriptInput = true;
    else if (leadsToFile(kind, target.text)) (kind === "<" || kind === "<&" ? this.#reads : this.#writes).push(target);
    return true;
  }

  #word(): Word {
    let text = "";
    /** Length of the text before the first thing that is made. */
    let certain: number | undefined;
    let unquoted = "";
    let brace: number | undefined;
    while (this.#at < this.#text.length) {
      const here = this.#text[this.#at]!;
      if (endsWord.has(here)) break;
      if (here === "<" || here === ">") {
        if (this.#text[this.#at + 1] !== "(") break;
        this.#at += 2;
        this.#nested(() => this.#list(")"));
        certain ??= text.length;
      } else if (here === "\\") {
        if (this.#text[this.#at + 1] !== "\n") text += this.#text[this.#at + 1] ?? "";
        if (this.#at + 1 >= this.#text.length) this.#unclear = true;
        this.#at += 2;
      } else if (here === "'") {
        const start = this.#at + 1;
        this.#at = start;
        this.#skipTo("'");
        text += this.#text.slice(start, this.#at);
        this.#closeQuote();
      } else if (here === '"') {
        this.#at++;
        const quoted = this.#doubleQuoted();
        if (quoted.certain !== undefined) certain ??= text.length + quoted.certain;
        text += quoted.text;
      } else if (here === "$" || here === "`") {
        const before = this.#at;
        if (this.#expansion(false)) certain ??= text.length;
        text += this.#text.slice(before, this.#at);
      } else {
        if (here === "{") brace ??= text.length;
        text += here;
        unquoted += here;
        this.#at++;
      }
    }
    if (hasBraceExpansion(unquoted)) certain = Math.min(certain ?? text.length, brace ?? 0);
    return {
      text,
      dynamic: certain !== undefined,
      beginning: text.slice(0, certain),
      isPattern: isPattern(unquoted),
    };
  }

  #doubleQuoted(): { text: string; certain: number | undefined } {
    let text = "";
    let certain: number | undefined;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') {
      const here = this.#text[this.#at]!;
      if (here === "\\") {
        const next = this.#text[this.#at + 1] ?? "";
        if (next !== "\n") text += '$`"\\'.includes(next) ? next : `\\${next}`;
        this.#at += 2;
      } else if (here === "$" || here === "`") {
        const before = this.#at;
        if (this.#expansion(true)) certain ??= text.length;
        text += this.#text.slice(before, this.#at);
      } else {
        text += here;
        this.#at++;
      }
    }
    this.#closeQuote();
    return { text, certain };
  }

  /** Takes what `$` or a backtick begins. True when the word becomes something else by it. */
  #expansion(isQuoted: boolean): boolean {
    const rest = this.#text.slice(this.#at, this.#at + 3);
    if (rest.startsWith("`")) this.#backticks(isQuoted);
    else if (rest.startsWith("$((") || rest.startsWith("$[")) {
      // Arithmetic may hold substitutions of its own; where it ends cannot be told from a subshell's end.
      this.#unclear = true;
      this.#at += 2;
    } else if (rest.startsWith("$(")) {
      this.#at += 2;
      this.#nested(() => this.#list(")"));
    } else if (rest.startsWith("${")) this.#parameter();
    else if (rest.startsWith("$'") || rest.startsWith('$"')) {
      // Its escapes are another language.
      this.#unclear = true;
      this.#at++;
    } else {
      const name = /^\$([A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/.exec(this.#text.slice(this.#at, this.#at + 256))?.[0];
      this.#at += name?.length ?? 1;
      return name !== undefined;
    }
    return true;
  }

  #backticks(isQuoted: boolean): void {
    const start = ++this.#at;
    let end = start;
    while (end < this.#text.length && this.#text[end] !== "`") end += this.#text[end] === "\\" ? 2 : 1;
    if (end >= this.#text.length) this.#unclear = true;
    const inner = parseCommandLine(
      this.#text.slice(start, end).replace(isQuoted ? /\\([$`\\"])/g : /\\([$`\\])/g, "$1"),
      this.#nesting + this.#depth + 1,
    );
    this.#commands.push(...inner.commands);
    this.#reads.push(...inner.reads);
    this.#writes.push(...inner.writes);
    this.#unclear ||= inner.unclear;
    this.#at = Math.min(end + 1, this.#text.length);
  }

  #parameter(): void {
    const start = this.#at;
    this.#skipTo("}");
    if (!/^\$\{[A-Za-z0-9_@*#?$!-]+$/.test(this.#text.slice(start, this.#at))) this.#unclear = true;
    this.#closeQuote();
  }

  #skipTo(character: string): void {
    const found = this.#text.indexOf(character, this.#at);
    this.#at = found === -1 ? this.#text.length : found;
  }

  #closeQuote(): void {
    if (this.#at >= this.#text.length) this.#unclear = true;
    else this.#at++;
  }
}
