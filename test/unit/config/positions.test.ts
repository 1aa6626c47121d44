import * as fc from "../../support/fast-check.ts";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { formatKeyPath, locateKeys, type KeyPath } from "../../../src/config/positions.ts";

/** The texts that were found for a key and its value. */
function found(toml: string, path: KeyPath): { key: string; value: string } | undefined {
  const position = locateKeys(toml).find(path);
  return (
    position && {
      key: toml.slice(position.key.start, position.key.end),
      value: toml.slice(position.value.start, position.value.end),
    }
  );
}

describe("the place of a key", () => {
  test("in tables, dotted and quoted keys", () => {
    const toml = 'top = 1\n[a."b c"] # comment [x]\n  d . "e\\u0066" = "v" # = no\n\'q.r\' = [1]\n';
    expect(found(toml, ["top"])).toEqual({ key: "top", value: "1" });
    expect(found(toml, ["a"])).toEqual({ key: "a", value: "a" });
    expect(found(toml, ["a", "b c"])).toEqual({ key: '"b c"', value: '"b c"' });
    expect(found(toml, ["a", "b c", "d", "ef"])).toEqual({ key: '"e\\u0066"', value: '"v"' });
    expect(found(toml, ["a", "b c", "q.r", 0])).toEqual({ key: "1", value: "1" });
    expect(found(toml, ["a", "b"])).toBeUndefined();
  });

  test("in arrays of tables, each entry on its own, with tables below", () => {
    const toml = "[[x]]\na = 1\n[x.y]\nb = 2\n[[x]]\na = 3\n[[x.z]]\nc = 4\n[[x.z]]\nc = 5\n";
    expect(found(toml, ["x", 0, "a"])?.value).toBe("1");
    expect(found(toml, ["x", 0, "y", "b"])?.value).toBe("2");
    expect(found(toml, ["x", 1, "a"])?.value).toBe("3");
    expect(found(toml, ["x", 1, "z", 1, "c"])?.value).toBe("5");
  });

  test("in inline tables and arrays over several lines", () => {
    const toml = 'env = { A = "}", "B" = { c.d = [ "]", # no ]\n  2 ,\n] } }\nnext = 1979-05-27 07:32:00 # date\n';
    expect(found(toml, ["env", "A"])?.value).toBe('"}"');
    expect(found(toml, ["env", "B", "c", "d", 1])?.value).toBe("2");
    expect(found(toml, ["next"])).toEqual({ key: "next", value: "1979-05-27 07:32:00" });
  });

  test("after strings over several lines that look like TOML", () => {
    const toml = `a = """\n[x]\nb = 1\\""" ok"""""\nc = '''\n"""\nd = 2''''\ne = 3\r\nf = 4\n`;
    expect(found(toml, ["e"])?.value).toBe("3");
    expect(found(toml, ["f"])?.value).toBe("4");
    expect(found(toml, ["x"])).toBeUndefined();
    expect(found(toml, ["b"])).toBeUndefined();
    expect(Object.keys(parse(toml))).toEqual(["a", "c", "e", "f"]);
  });

  test("is its own header rather than an earlier mention of it", () => {
    const toml = "[a.b]\nx = 1\n[a]\ny = 2\n";
    expect(locateKeys(toml).find(["a"])?.key.start).toBe(toml.indexOf("[a]") + 1);
  });

  test("that is missing is the nearest one around it", () => {
    const toml = "[a.b]\nx = 1\n";
    const positions = locateKeys(toml);
    expect(positions.nearest(["a", "b", "missing", 3])).toEqual(positions.find(["a", "b"]));
    expect(positions.nearest(["none"])).toBeUndefined();
  });

  test("is found in a text of a megabyte, in strings of any kind", () => {
    for (const [open, close] of [
      ['"', '"'],
      ["'", "'"],
      ['"""', '"""'],
      ["'''", "'''"],
    ]) {
      const toml = `a = ${open}${"x\\\\".repeat(300_000)}${close}\nb = 1\n`;
      expect(found(toml, ["b"])?.value).toBe("1");
    }
    const nested = `a = [${"[1], ".repeat(100_000)}]\nb = 1`;
    expect(found(nested, ["a", 99_999, 0])?.value).toBe("1");
  });

  test("ends with broken text instead of running for ever", () => {
    for (const broken of [
      "a = [",
      "a = [}",
      "a = {",
      "a = { = ",
      '"',
      "[",
      "[[",
      "a = [1 2",
      'a = "',
      "=",
      "a = {b = }]",
    ]) {
      expect(() => locateKeys(broken)).not.toThrow();
    }
  });
});

test("a path is written as TOML writes it", () => {
  expect(formatKeyPath(["acp", "agents", "a b", "x", 1])).toBe('acp.agents."a b".x[1]');
});

/*
 * A document is written piece by piece in every way TOML allows, and where each key begins is noted while writing.
 */
type Tree = { [key: string]: Tree | string | number | (string | number)[] };

class Writer {
  text = "";
  readonly expected: { path: KeyPath; start: number; written: string }[] = [];
  readonly #choose: (choices: number) => number;

  constructor(choose: (choices: number) => number) {
    this.#choose = choose;
  }

  document(tree: Tree): void {
    this.#filler();
    this.#table(tree, []);
  }

  /** Values first, then tables, as TOML wants it; each table in one of four ways. */
  #table(tree: Tree, path: KeyPath): void {
    const later: [string, Tree][] = [];
    for (const [name, value] of Object.entries(tree)) {
      const style = this.#choose(9);
      if (typeof value !== "object" || Array.isArray(value) || style < 3) {
        this.#keyValue([name], { value, owner: path });
      } else if (style < 5 && Object.keys(value).length > 0) this.#dotted(name, value, path);
      else later.push([name, value]);
    }
    for (const [name, value] of later) this.#tableWithHeader(name, value, path);
  }

  #dotted(name: string, tree: Tree, owner: KeyPath): void {
    for (const [inner, value] of Object.entries(tree)) this.#keyValue([name, inner], { value, owner });
  }

  #tableWithHeader(name: string, value: Tree, owner: KeyPath): void {
    const asArray = this.#choose(4) === 0;
    this.text += asArray ? "[[" : "[";
    const parts = [...owner.filter((part) => typeof part === "string"), name];
    parts.forEach((part, index) => {
      if (index > 0) this.text += this.#pick(".", " . ");
      const path = [...owner, name];
      this.#key(part, index === parts.length - 1 ? path : undefined);
    });
    this.text += asArray ? "]]" : "]";
    this.#lineEnd();
    this.#table(value, asArray ? [...owner, name, 0] : [...owner, name]);
  }

  #keyValue(parts: string[], { value, owner }: { value: Tree[string]; owner: KeyPath }): void {
    this.#assignment(parts, { value, owner });
    this.#lineEnd();
  }

  #assignment(parts: string[], { value, owner }: { value: Tree[string]; owner: KeyPath }): void {
    parts.forEach((part, index) => {
      if (index > 0) this.text += this.#pick(".", " .\t");
      this.#key(part, index === parts.length - 1 ? [...owner, ...parts] : undefined);
    });
    this.text += this.#pick("=", " = ", "\t=  ");
    this.#value(value, [...owner, ...parts]);
  }

  #key(name: string, path: KeyPath | undefined): void {
    const bare = /^[A-Za-z0-9_-]+$/.test(name);
    const literal = !/['\p{Cc}]/u.test(name);
    const forms = [JSON.stringify(name).replaceAll("\u007f", "\\u007f")];
    if (bare) forms.push(name, name);
    if (literal) forms.push(`'${name}'`);
    const written = this.#pick(...forms);
    if (path) this.expected.push({ path, start: this.text.length, written });
    this.text += written;
  }

  #value(value: Tree[string], path: KeyPath): void {
    if (typeof value === "number") this.text += String(value);
    else if (typeof value === "string") this.#string(value);
    else if (Array.isArray(value)) {
      this.text += "[";
      for (const entry of value) {
        this.text += this.#pick("", " ", "\n  # ] , [\n ");
        this.#value(entry, path);
        this.text += this.#pick(",", " ,\n");
      }
      this.text += "]";
    } else {
      this.text += "{";
      Object.entries(value).forEach(([name, inner], index) => {
        if (index > 0) this.text += this.#pick(",", " , ");
        this.#assignment([name], { value: inner, owner: path });
      });
      this.text += this.#pick("}", " }");
    }
  }

  #string(value: string): void {
    const forms = [JSON.stringify(value).replaceAll("\u007f", "\\u007f")];
    if (!/\p{Cc}/u.test(value) && !value.includes("'")) forms.push(`'${value}'`, `'''\n${value}'''`);
    if (!/[\p{Cc}\\]/u.test(value) && !value.includes('"')) forms.push(`"""\n[no]\nkey = ${value} """""`);
    this.text += this.#pick(...forms);
  }

  #lineEnd(): void {
    this.text += this.#pick("\n", "\r\n", " # [x] y = 1\n");
    this.#filler();
  }

  #filler(): void {
    this.text += this.#pick("", "", "\n\n", "# a comment = [1]\n", "  \t");
  }

  #pick(...choices: string[]): string {
    return choices[this.#choose(choices.length)]!;
  }
}

const keyName = fc
  .oneof(
    fc.stringMatching(/^[A-Za-z0-9_-]{1,6}$/),
    fc.string({ maxLength: 6, unit: "grapheme" }),
    fc.constantFrom("a.b", "[x]", "#", "=", '"', "\\", "'", "\n", "é", "日本", "😀"),
  )
  .filter((name) => name !== "__proto__" && name !== "constructor");
const trees = fc.letrec<{ tree: Tree; value: Tree[string] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.integer(),
    fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 3 }),
    tie("tree"),
  ),
  tree: fc.dictionary(keyName, tie("value"), { maxKeys: 4, noNullPrototype: true }),
}));

test("every key of a generated document is found where it stands", () => {
  let keys = 0;
  fc.assert(
    fc.property(trees.tree, fc.infiniteStream(fc.nat(1_000_000)), (tree, numbers) => {
      const writer = new Writer((choices) => Number(numbers.next().value) % choices);
      writer.document(tree);
      expect(() => parse(writer.text), writer.text).not.toThrow();
      const positions = locateKeys(writer.text);
      for (const { path, start, written } of writer.expected) {
        expect(positions.find(path)?.key, `${JSON.stringify(path)} in\n${writer.text}`).toMatchObject({
          start,
          end: start + written.length,
        });
        keys++;
      }
    }),
    { numRuns: 1000 },
  );
  expect(keys).toBeGreaterThan(1000);
});
