/**
 * Moves over the text of a TOML document: blanks, keys, strings, bare values. It knows where things begin and end, not what
 * they mean, and relies on the text having passed the parser; on anything else it stops moving instead of throwing.
 */
import { parse } from "smol-toml";

export interface Span {
  /** Offsets in UTF-16 units, `end` exclusive. */
  readonly start: number;
  readonly end: number;
}

/** One part of a dotted key. */
export interface KeyPart extends Span {
  readonly name: string;
}

const bareKey = /[A-Za-z0-9_-]+/y;
const bareValue = /[^,\]}#\r\n]*/y;
const spaces = /[ \t]*/y;
const blanks = /(?:[ \t\r\n]|#[^\n]*)*/y;
const basicString = /"(?:[^"\\\n]+|\\.)*"?/y;
const literalString = /'[^'\n]*'?/y;
// Up to two quotes may stand directly before the closing three.
const longBasicString = /"""(?:[^"\\]+|\\[\s\S]|"(?!""))*"{0,5}/y;
const longLiteralString = /'''(?:[^']+|'(?!''))*'{0,5}/y;

export class TomlCursor {
  readonly text: string;
  offset = 0;

  constructor(text: string) {
    this.text = text;
  }

  get atEnd(): boolean {
    return this.offset >= this.text.length;
  }

  /** True, and moved past it, if `token` stands here. */
  take(token: string): boolean {
    if (!this.text.startsWith(token, this.offset)) return false;
    this.offset += token.length;
    return true;
  }

  sees(token: string): boolean {
    return this.text.startsWith(token, this.offset);
  }

  skipSpaces(): void {
    this.#match(spaces);
  }

  /** Spaces, line ends and comments. */
  skipBlanks(): void {
    this.#match(blanks);
  }

  skipLine(): void {
    const end = this.text.indexOf("\n", this.offset);
    this.offset = end === -1 ? this.text.length : end + 1;
  }

  /** A dotted key, without what follows it. */
  key(): KeyPart[] {
    const parts: KeyPart[] = [];
    do {
      this.skipSpaces();
      const start = this.offset;
      const quoted = this.sees('"') || this.sees("'");
      const written = quoted ? this.string() : this.#match(bareKey);
      parts.push({ name: quoted ? keyName(written) : written, start, end: this.offset });
      this.skipSpaces();
    } while (this.take("."));
    return parts;
  }

  /** A string with its quotes, of any of the four kinds. */
  string(): string {
    if (this.sees('"""')) return this.#match(longBasicString);
    if (this.sees("'''")) return this.#match(longLiteralString);
    return this.#match(this.sees('"') ? basicString : literalString);
  }

  /** A number, boolean or date; a date may have a space in it, but none at its end. */
  bareValue(): string {
    const start = this.offset;
    const value = this.#match(bareValue).trimEnd();
    this.offset = start + value.length;
    return value;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.offset += found.length;
    return found;
  }
}

function keyName(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  const { name } = parse(`name = ${quoted}`);
  return typeof name === "string" ? name : quoted;
}
