/** The text of one configuration file, parsed, with the places of its keys. */
import { parse, TomlError } from "smol-toml";
import { codeFrame, linePosition, offsetOf, type LinePosition } from "./code-frame.ts";
import { configSyntax } from "./errors.ts";
import { locateKeys, type KeyPath, type KeyPositions } from "./positions.ts";
import type { Span } from "./toml-cursor.ts";

export interface ConfigSource {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
  /** What the parser made of it, not checked yet. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly positions: KeyPositions;
}

/** Levels of arrays and tables within each other. */
export const maxNesting = 64;

/** Parses the text of `file`. Throws CRU_CONFIG_SYNTAX with position and code frame. */
export function parseSource(file: string, text: string): ConfigSource {
  return { file, text, values: parsed(file, text), positions: locateKeys(text) };
}

function parsed(file: string, text: string): Record<string, unknown> {
  try {
    return parse(text, { maxDepth: maxNesting, unsafeKeyBehaviour: "throw" });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const start = offsetOf(text, error.line, error.column);
    const { line, column } = linePosition(text, start);
    throw configSyntax.create(
      `${file}:${line}:${column}: ${reasonOf(error)}\n\n${codeFrame(text, { start, end: start + 1 })}`,
      {
        hint: "Correct the TOML at this place; text values need quotes, and a table's name stands in [brackets]",
        details: { file, line, column },
        cause: error,
      },
    );
  }
}

function reasonOf(error: TomlError): string {
  const [heading = ""] = error.message.split("\n");
  const reason = heading.replace(/^Invalid TOML document: /, "");
  if (reason.includes("unsafe property"))
    return 'not valid TOML: the names "__proto__" and "constructor" cannot be used';
  return `not valid TOML: ${reason}`;
}

/** Where a key or its value stands; the start of the file for what stands nowhere. */
export function placeOf(source: ConfigSource, path: KeyPath, part: "key" | "value"): LinePosition & { span: Span } {
  const exact = source.positions.find(path);
  const span = (exact ? exact[part] : source.positions.nearest(path)?.key) ?? { start: 0, end: 0 };
  return { ...linePosition(source.text, span.start), span };
}
