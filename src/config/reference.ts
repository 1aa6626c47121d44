/** The reference of all keys as Markdown, made from the schema. */
import { configJsonSchema, type JsonSchema } from "./json-schema.ts";
import { declaredTables, keysOf, type Key } from "./key-tree.ts";
import { configFile } from "./schema.ts";
import { schemaAt, typeText } from "./value-text.ts";

/** The page `docs/reference/config.md`: a table of keys, types, defaults and meanings for every table of the file. */
export function configReference(): string {
  const schema = configJsonSchema();
  const sections = declaredTables(configFile)
    .filter((declared) => keysOf(declared).length > 0)
    .map((declared) => {
      const rows = keysOf(declared).map(({ path, key }) => row(path, key, schema));
      return [
        `## \`[${declared.path.join(".")}]\``,
        declared.table.meaning,
        ["| key | type | default | meaning |", "|---|---|---|---|", ...rows].join("\n"),
      ].join("\n\n");
    });
  return `${[introduction, ...sections].join("\n\n")}\n`;
}

const introduction = `# crucible.toml

<!-- Generated from src/config/schema.ts. -->

Every key of the configuration file. All of them may be left out, and so may the file: the built-in profiles work without it.
Unknown keys and wrong values are errors that name the line.

- \`NAME\` is the name of a profile: 1 to 64 characters of \`A-Z a-z 0-9 _ -\`. \`self\` is not one; it means the caller's own profile.
- A profile takes from the one it \`extends\` what it does not set itself. Single values and arrays replace; \`env\`, \`delegation\` and \`sandbox\` merge key by key. \`permissions\` count as a whole: those of the nearest profile that has any, else \`[permissions]\`.
- In \`command\`, \`cwd\`, \`socket\`, \`config_dirs\`, the paths of \`[kiln]\` and the values of \`env\`, a leading \`~\` is the home directory, \`\${NAME}\` is an environment variable, and \`\${NAME:-default}\` has a default for one that is unset or empty; \`$\${\` is a plain \`\${\`. An unset variable without a default is an error. \`args\` are passed as they stand.
- Relative paths count from the directory of the file. A \`command\` without a slash is looked up on PATH.`;

function row(path: readonly string[], key: Key, schema: JsonSchema): string {
  const cells = [`\`${path.at(-1)}\``, typeText(schemaAt(schema, path)), defaultText(key), key.meaning];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function defaultText(key: Key): string {
  if (key.defaultText !== undefined) return key.defaultText;
  if (key.default === undefined) return "–";
  const isEmptyTable = typeof key.default === "object" && key.default !== null && !Array.isArray(key.default);
  return `\`${isEmptyTable ? "{}" : JSON.stringify(key.default)}\``;
}
