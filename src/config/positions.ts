/**
 * Finds where each key and value of a TOML document stands in its text, because the parser does not say. Understands tables,
 * arrays of tables, dotted and quoted keys, inline tables, arrays and strings over several lines.
 */
import { TomlCursor, type KeyPart, type Span } from "./toml-cursor.ts";

/** From the root: names of keys, and numbers for the entries of arrays. */
export type KeyPath = readonly (string | number)[];

interface KeyPosition {
  /** The last part of the key as it is written, quotes included; for an array's entry, the entry. */
  readonly key: Span;
  /** The value; for a table with a header of its own, the header's last part. */
  readonly value: Span;
}

export interface KeyPositions {
  find(path: KeyPath): KeyPosition | undefined;
  /** The position of the path, else of the nearest thing around it that stands in the text. */
  nearest(path: KeyPath): KeyPosition | undefined;
}

/** Scans a document that the parser accepted. */
export function locateKeys(text: string): KeyPositions {
  const scan = new DocumentScan(text);
  scan.run();
  const find = (path: KeyPath) => scan.positions.get(idOf(path));
  return {
    find,
    nearest(path) {
      for (let length = path.length; length > 0; length--) {
        const position = find(path.slice(0, length));
        if (position) return position;
      }
      return undefined;
    },
  };
}

class DocumentScan {
  readonly positions = new Map<string, KeyPosition>();
  readonly #cursor: TomlCursor;
  /** Number of `[[headers]]` seen so far, by path. */
  readonly #tableCounts = new Map<string, number>();

  constructor(text: string) {
    this.#cursor = new TomlCursor(text);
  }

  run(): void {
    const cursor = this.#cursor;
    let tablePath: KeyPath = [];
    cursor.skipBlanks();
    while (!cursor.atEnd) {
      if (cursor.take("[[")) tablePath = this.#header(true);
      else if (cursor.take("[")) tablePath = this.#header(false);
      else this.#keyAndValue(tablePath);
      cursor.skipLine();
      cursor.skipBlanks();
    }
  }

  #header(inArray: boolean): KeyPath {
    const parts = this.#cursor.key();
    const path: (string | number)[] = [];
    parts.forEach((part, index) => {
      path.push(part.name);
      const isLast = index === parts.length - 1;
      this.#record(path, { key: part, value: part }, isLast && !inArray);
      const seen = this.#tableCounts.get(idOf(path));
      if (isLast && inArray) {
        this.#tableCounts.set(idOf(path), (seen ?? 0) + 1);
        path.push(seen ?? 0);
        this.#record(path, { key: part, value: part }, true);
      } else if (seen !== undefined) {
        path.push(seen - 1);
      }
    });
    return path;
  }

  #keyAndValue(tablePath: KeyPath): void {
    const cursor = this.#cursor;
    const parts = cursor.key();
    cursor.take("=");
    cursor.skipSpaces();
    const path = [...tablePath, ...parts.map((part) => part.name)];
    const value = this.#value(path);
    this.#recordDotted(tablePath, parts, value);
  }

  #recordDotted(tablePath: KeyPath, parts: readonly KeyPart[], value: Span): void {
    const path = [...tablePath];
    for (const [index, part] of parts.entries()) {
      path.push(part.name);
      this.#record(path, { key: part, value }, index === parts.length - 1);
    }
  }

  #value(path: KeyPath): Span {
    const cursor = this.#cursor;
    const start = cursor.offset;
    if (cursor.take("[")) this.#entries(path);
    else if (cursor.take("{")) this.#inlineTable(path);
    else if (cursor.sees('"') || cursor.sees("'")) cursor.string();
    else cursor.bareValue();
    return { start, end: cursor.offset };
  }

  #entries(path: KeyPath): void {
    const cursor = this.#cursor;
    cursor.skipBlanks();
    for (let index = 0; !cursor.atEnd && !cursor.take("]"); index++) {
      const before = cursor.offset;
      const entryPath = [...path, index];
      const span = this.#value(entryPath);
      this.#record(entryPath, { key: span, value: span }, true);
      cursor.skipBlanks();
      cursor.take(",");
      cursor.skipBlanks();
      if (cursor.offset === before) return;
    }
  }

  #inlineTable(path: KeyPath): void {
    const cursor = this.#cursor;
    cursor.skipBlanks();
    while (!cursor.atEnd && !cursor.take("}")) {
      const before = cursor.offset;
      this.#keyAndValue(path);
      cursor.skipBlanks();
      cursor.take(",");
      cursor.skipBlanks();
      if (cursor.offset === before) return;
    }
  }

  /** `[a.b]` mentions `a`; a place where `a` itself is written is the better one, so it counts whenever it comes. */
  #record(path: KeyPath, position: KeyPosition, isOwnPlace: boolean): void {
    const id = idOf(path);
    if (isOwnPlace || !this.positions.has(id)) this.positions.set(id, position);
  }
}

function idOf(path: KeyPath): string {
  return JSON.stringify(path);
}

/** A path as TOML writes it: `acp.agents.my-claude`, `acp.agents."a b"`, `allowed_targets[1]`. */
export function formatKeyPath(path: KeyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part);
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
