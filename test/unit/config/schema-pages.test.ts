import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { configJsonSchema } from "../../../src/config/json-schema.ts";
import { declaredKeys, declaredTables } from "../../../src/config/key-tree.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { configReference } from "../../../src/config/reference.ts";
import { configFile } from "../../../src/config/schema.ts";
import { configFolder } from "./config-folder.ts";

const keys = declaredKeys(configFile);

describe("the schema", () => {
  test("gives every key and table one line of meaning, and takes every default", () => {
    for (const { path, key } of keys) {
      expect(key.meaning, path.join(".")).toMatch(/^[A-Z][^\n]+\.$/);
      if (key.default === undefined || key.defaultText !== undefined) continue;
      expect(key.schema.safeParse(key.default).success, path.join(".")).toBe(true);
    }
    for (const { path, table } of declaredTables(configFile))
      expect(table.meaning, path.join(".")).toMatch(/^[A-Z][^\n]+\.$/);
  });
});

describe("the JSON Schema", () => {
  type Schema = { properties?: Record<string, Schema>; additionalProperties?: Schema | boolean } & Record<
    string,
    unknown
  >;
  const schema = configJsonSchema() as Schema;
  const at = (path: readonly string[]) =>
    path.reduce<Schema | undefined>(
      (inner, name) => inner?.properties?.[name] ?? (inner?.additionalProperties as Schema | undefined),
      schema,
    );

  test("is draft 7 and describes every key with its default", () => {
    expect(schema["$schema"]).toBe("http://json-schema.org/draft-07/schema#");
    for (const { path, key } of keys) {
      expect(at(path), path.join(".")).toMatchObject({ description: key.meaning });
      if (key.defaultText === undefined) expect(at(path)?.["default"], path.join(".")).toEqual(key.default);
    }
  });

  test("leaves the names of profiles open and no other key", () => {
    for (const { path } of declaredTables(configFile)) expect(at(path)?.additionalProperties).toBe(false);
    expect(at(["acp", "agents"])?.additionalProperties).toMatchObject({ type: "object" });
  });

  test("is a new document each time", () => {
    expect(configJsonSchema()).toEqual(schema);
    expect(configJsonSchema()).not.toBe(schema);
  });
});

describe("the reference", () => {
  test("has a row for every key, with type and default", () => {
    const page = configReference();
    for (const { path, key } of keys) {
      expect(page).toContain(`## \`[${path.slice(0, -1).join(".")}]\``);
      expect(page).toContain(`| \`${path.at(-1)}\` | `);
      expect(page).toContain(key.meaning);
    }
    expect(page).toContain("| `max_depth` | a whole number from 0 to 16 | `1` | ");
    expect(page).toContain("| `env` | a table of strings | `{}` | ");
    expect(page).toContain("| `timeout_seconds` | a number above 0, at most 604800 | no limit | ");
  });
});

/** The value at a path, with the profile of the example in the place of NAME. */
function inExample(toml: string, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => Object(inner)[name === "NAME" ? "my-claude" : name], parse(toml));
}

describe("crucible.toml.example", () => {
  const example = readFileSync(new URL("../../../crucible.toml.example", import.meta.url), "utf8");
  // Prose begins with "# ", a key that is not set with "#" alone.
  const uncommented = example.replace(/^#(?=[^\s#])/gm, "");
  test.each([
    ["as it is", example],
    ["with every key set", uncommented],
  ])("loads %s", (_, toml) => {
    const folder = configFolder();
    const config = loadConfig(folder.request({ file: folder.write("crucible.toml", toml) }));
    expect(config.agents.get("my-claude")?.family).toBe("claude");
  });

  test("names every key of the schema; those of a profile's own rules where they stand for all profiles", () => {
    for (const { path } of keys) {
      const table = path.at(-2) ?? "";
      const isRepeated = path.length === 5 && ["permissions", "sandbox"].includes(table);
      expect(inExample(uncommented, isRepeated ? path.slice(-2) : path), path.join(".")).toBeDefined();
      if (isRepeated) expect(inExample(uncommented, path.slice(0, -1)), path.join(".")).toBeDefined();
    }
  });

  test("sets what has a default to that default, and leaves unset what has none", () => {
    for (const { path, key } of keys) {
      const value = inExample(example, path);
      if (path.at(-1) === "extends" || value === undefined) continue;
      expect(value, path.join(".")).toEqual(key.default);
    }
    const written = keys.filter(({ path }) => inExample(example, path) !== undefined);
    expect(written.length).toBeGreaterThan(8);
  });

  test("has a line of prose before every key", () => {
    const lines = example.split("\n");
    lines.forEach((line, index) => {
      if (/^#?[a-z_]+ = /.test(line)) expect(lines[index - 1], line).toMatch(/^# |^#?[a-z_]+ = /);
    });
  });
});
