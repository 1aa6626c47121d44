// The tables of limits for docs/reference/limits.md: those a person can set, and the exported constants of the code. Beside each
// stands the test that reaches it, as test/limits.json names it; test/limits.test.ts sees to it that none is missing.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { table } from "./markdown-table.mjs";

const root = join(import.meta.dirname, "..");
const built = (path) => import(pathToFileURL(join(root, "dist", path)).href);
const tests = JSON.parse(readFileSync(join(root, "test", "limits.json"), "utf8"));

const { configJsonSchema } = await built("config/json-schema.js");
const { declaredKeys } = await built("config/key-tree.js");
const { configFile } = await built("config/schema.js");
const { schemaAt } = await built("config/value-text.js");

// What differs between operating systems cannot stand on a page.
const declaration =
  /^export const ((?:max|default)[A-Z]\w*|\w+(?:Ms|Bytes|Seconds|Characters|Mib|Files))\b(?!.*(?:=>|process\.))/;

/** Every key of crucible.toml that takes a number; a port is none that counts. */
export function limitsToSet() {
  const schema = configJsonSchema();
  const rows = declaredKeys(configFile)
    .filter(({ path }) => path.at(-1) !== "metrics_port" && takesNumber(schemaAt(schema, path)))
    .map(({ path, key }) => {
      const [place, name] = [`[${path.slice(0, -1).join(".")}]`, path.at(-1)];
      return [key.meaning, key.defaultText ?? key.default, `\`${name}\` in \`${place}\``, testOf(place, name)];
    });
  return table(["limit", "default", "set with", "test that reaches it"], rows);
}

function takesNumber({ type, anyOf }) {
  return type === "integer" || type === "number" || (anyOf ?? []).some(takesNumber);
}

/** Every exported limit of the code, with its value and its own documentation. */
export async function limitsInCode() {
  const rows = [];
  for (const file of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).toSorted()) {
    if (!file.endsWith(".ts")) continue;
    const limits = limitsIn(readFileSync(join(root, "src", file), "utf8"));
    if (limits.length === 0) continue;
    const values = await built(file.replace(/\.ts$/, ".js"));
    for (const { name, meaning } of limits) {
      if (typeof values[name] !== "number") continue;
      const place = `\`${name}\` in [${file}](../../src/${file})`;
      rows.push([meaning, quantity(name, values[name]), place, testOf(file, name)]);
    }
  }
  return table(["limit", "value", "in the code", "test that reaches it"], rows);
}

function testOf(place, name) {
  const [file, title] = tests[place]?.[name] ?? [];
  return file === undefined ? "–" : `[${title}](../../test/${file})`;
}

/** Exported constants whose names say that they are limits; several in a row may share one comment. */
function limitsIn(source) {
  const limits = [];
  let meaning = "";
  let comment;
  for (const line of source.split("\n")) {
    if (comment === undefined && line.startsWith("/**")) comment = "";
    if (comment !== undefined) {
      comment += ` ${line.replace(/^\/\*\*| \*\/$|^ \*(?!\/)/g, "").trim()}`;
      if (line.includes("*/")) [meaning, comment] = [comment.trim(), undefined];
      continue;
    }
    const name = declaration.exec(line)?.[1];
    if (name) limits.push({ name, meaning });
    else if (line !== "") meaning = line.startsWith("// ") ? line.slice(3) : "";
  }
  return limits;
}

function quantity(name, value) {
  if (name.endsWith("Ms"))
    return value >= 60_000 ? `${value / 60_000} min` : value >= 1000 ? `${value / 1000} s` : `${value} ms`;
  if (name.endsWith("Bytes")) {
    if (value >= 1024 ** 2 && value % 1024 === 0) return `${value / 1024 ** 2} MiB`;
    return value >= 1024 && value % 1024 === 0 ? `${value / 1024} KiB` : `${value} bytes`;
  }
  if (name.endsWith("Mib")) return `${value} MiB`;
  return value.toLocaleString("en");
}
