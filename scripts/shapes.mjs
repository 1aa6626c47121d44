// What commands print with --json, as it stands in the types of the code: each shape with all that it is made of.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { table } from "./markdown-table.mjs";

const source = join(import.meta.dirname, "..", "src");

/** Where the shapes are declared. */
const files = [
  "base/delegation.ts",
  "control/methods.ts",
  "control/stored.ts",
  "control/agent-report.ts",
  "control/finding.ts",
  "delegation/explain.ts",
  "config/config.ts",
  "config/show.ts",
  "acp/traffic.ts",
];

/** By command; what is no type of the code is in words. */
const printed = {
  delegate: ["`DelegationResult`, also where it failed; the exit code tells"],
  agents: ["`{ agents: AgentReport[] }`"],
  doctor: ["`{ findings: Finding[] }`"],
  explain: ["`ExplainedDelegation`, also where it would be refused"],
  "config check": [
    "`{ ok: true; file: string | null }`; of a wrong one `{ ok: false; error }`, where `error` has `code`, `message`, `hint`, `file` and the " +
      "`problems`, each with `line`, `column`, `message` and `hint` (of wrong TOML `line` and `column` themselves)",
  ],
  "config show": ["`ConfigDescription`"],
  "config schema": ["JSON Schema, draft 7"],
  ps: ["`{ roots: SessionNode[] }`"],
  status: ["`DaemonStatus`"],
  logs: ["one entry a line; see [the log](../guides/observing.md#the-log)"],
  "sessions list": ["`StoredSession[]`"],
  "sessions show": ["`StoredDetail`"],
  "sessions export": ["`StoredMessage`, one a line"],
  "sessions delete": ["`{ sessions: string[]; delegations: string[] }`: ids of what is gone"],
  cancel: ["`{ id: string; cancelled: string[] }`: ids of delegations, and of the session whose turn it was"],
};

/** The page; fails on a command with `--json` of which it does not know what that prints. */
export function shapesPage(commandTable) {
  const commands = commandTable.filter(({ options }) => "json" in options).map(({ name }) => name);
  const rows = commands.map((name) => {
    if (!printed[name]) throw new Error(`scripts/shapes.mjs does not say what crucible ${name} --json prints`);
    return [`\`${name}\``, ...printed[name]];
  });
  const shapes = neededBy(rows.map(([, text]) => text).join("\n"));
  return `${[
    "# Output for scripts",
    "What each command prints on its standard output with `--json`. Fields may be added in later versions. Times " +
      "are milliseconds since 1970, and ids are as elsewhere. Where a command fails before it has something to print, the standard output " +
      "is empty, the standard error has the [error](errors.md), and the [exit code](exit-codes.md) says of which kind it is.",
    table(["command", "prints"], rows),
    ...shapes.map(([name, text]) => `## ${name}\n\n\`\`\`ts\n${text}\n\`\`\``),
  ].join("\n\n")}\n`;
}

/** The shapes that a text names, and those that they name, in the order in which they are met. */
function neededBy(text) {
  const declared = new Map(files.flatMap((file) => declarationsIn(readFileSync(join(source, file), "utf8"))));
  const needed = new Map();
  const waiting = [text];
  for (const one of waiting) {
    for (const [name] of one.matchAll(/\b[A-Z]\w+\b/g)) {
      const shape = declared.get(name);
      if (shape === undefined || needed.has(name)) continue;
      needed.set(name, shape);
      waiting.push(withoutComments(shape));
    }
  }
  return [...needed];
}

function declarationsIn(text) {
  const found = text.matchAll(/^export (?:interface (\w+)[^]*?^\}|type (\w+)[^]*?;$)/gm);
  return [...found].map(([shape, one, other]) => [
    one ?? other,
    shape.replace(/^export /, "").replaceAll(/\breadonly /g, ""),
  ]);
}

function withoutComments(text) {
  return text.replaceAll(/\/\*\*[^]*?\*\//g, "");
}
