/**
 * The table of real agents in docs/reference/agents.md: made from the findings of a run and put between two marker
 * comments. Rows of agents that were not part of a run keep what the last run found.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const page = fileURLToPath(new URL("../../docs/reference/agents.md", import.meta.url));
const start = "<!-- agents-table:start -->";
const end = "<!-- agents-table:end -->";
const emptyPage = `# Agents\n\nReal agents that Crucible was run with (\`npm run test:agents\`).\n\n${start}\n${end}\n`;

const columns = [
  "agent",
  "version",
  "node",
  "date",
  "initialize ms",
  "session/new ms",
  "prompt ms",
  "delegates",
  "is delegated to",
  "hands over",
  "copy of itself begins with",
  "tool texts",
  "cancel",
  "cancels a delegation",
  "ends with its editor",
  "works with its model's host listed",
  "with another listed",
  "network none",
  "processes left",
  "memory MB",
];

/**
 * @param {{ name: string, version: string, findings?: import("./through-crucible.mjs").Findings }} run
 * @returns {string[]} one row, in the order of the columns
 */
export function tableRow({ name, version, findings = { measures: {}, proofs: {} } }) {
  const { measures, proofs } = findings;
  // A proof that never ran is not in the object; one that held is there with the value undefined.
  const verdict = (proof) => (proof in proofs ? (proofs[proof] === undefined ? "ok" : "FAILED") : "not run");
  return [
    name,
    version,
    process.versions.node,
    new Date().toISOString().slice(0, 10),
    ...["initialize", "session/new"].map((measure) => String(measures[measure] ?? "–")),
    verdict("prompt") === "ok" ? String(measures.prompt) : verdict("prompt"),
    ...["as parent", "as child", "hands over"].map(verdict),
    verdict("copies itself") === "ok" ? String(measures.copy) : verdict("copies itself"),
    ...["tool texts", "cancel", "cancel a delegation", "editor leaves", "listed model"].map(verdict),
    verdict("unlisted model") === "ok" ? String(measures.unlisted) : verdict("unlisted model"),
    verdict("no network"),
    String(measures.leftover ?? "–"),
    String(measures.memory ?? "–"),
  ];
}

/** @param {string[][]} rows */
export function markdownTable(rows) {
  const lines = [columns, columns.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** @param {string[][]} rows */
export async function writeTable(rows) {
  const text = await readFile(page, "utf8").catch(() => emptyPage);
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${page} lacks the comments ${start} and ${end}`);
  const merged = mergeRows(rowsIn(text.slice(from + start.length, to)), rows);
  await mkdir(dirname(page), { recursive: true });
  await writeFile(page, `${text.slice(0, from + start.length)}\n\n${markdownTable(merged)}\n\n${text.slice(to)}`);
  return page;
}

/** Rows of the last run's table; none if its columns were others. */
function rowsIn(text) {
  const [head, , ...rows] = text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.slice(2, -2).split(" | "));
  return head?.join() === columns.join() ? rows : [];
}

function mergeRows(old, rows) {
  const byName = new Map([...old, ...rows].map((row) => [row[0], row]));
  return [...byName.values()];
}
