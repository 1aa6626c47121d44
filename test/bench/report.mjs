/** The numbers as tables: for a terminal, and as Markdown for docs/reference/bench.md. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const begin = "<!-- bench:begin -->";
const end = "<!-- bench:end -->";
const heads = ["measure", "directly", "through Crucible", "difference", "aim", ""];
const sandboxHeads = ["measure, through Crucible", "without a sandbox", "in the sandbox", "difference"];

/** Rows of the table that compares with and without a sandbox, and those of the other. */
export const isOfSandbox = (row) => row.held !== undefined;

function tables(rows) {
  const parts = [
    [heads, rows.filter((row) => !isOfSandbox(row)).map(cellsOf)],
    [sandboxHeads, rows.filter(isOfSandbox).map(sandboxCellsOf)],
  ];
  return parts.filter(([, cells]) => cells.length > 0).map(([head, cells]) => [head, ...cells]);
}

function sandboxCellsOf({ what, unit, free, held }) {
  return [what, quantity(free, unit), quantity(held, unit), difference({ direct: free, crucible: held, unit })];
}

function cellsOf(row) {
  return [
    row.what,
    row.direct === undefined ? "" : quantity(row.direct, row.unit),
    quantity(row.crucible, row.unit),
    difference(row),
    row.aim ?? "",
    row.aim === undefined ? "" : row.reached ? "reached" : "missed",
  ];
}

export function quantity(value, unit) {
  if (unit === "a second") return `${Math.round(value / 100) / 10}k a second`;
  if (unit === "ms" && value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ${unit}`;
}

function difference({ direct, crucible, unit }) {
  if (direct === undefined) return "";
  const times = `× ${(crucible / direct).toFixed(2)}`;
  if (unit !== "ms") return times;
  const sign = crucible < direct ? "−" : "+";
  return `${sign}${quantity(Math.abs(crucible - direct), unit)}, ${times}`;
}

export function terminalTables(rows) {
  return tables(rows).map(terminalTable).join("\n\n");
}

function terminalTable(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((cells) => cells[column].length)));
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Puts the tables between the markers of the page; a page that does not exist is begun. */
export function writePage(file, rows, machine) {
  const page = existsSync(file) ? readFileSync(file, "utf8") : `# Measures\n\n${begin}\n${end}\n`;
  const start = page.indexOf(begin);
  const stop = page.indexOf(end);
  if (start === -1 || stop < start) throw new Error(`expected the markers ${begin} and ${end} in ${file}`);
  const [table, ...others] = tables(rows).map(([head, ...cells]) =>
    [head, head.map((_, column) => (column === 0 ? "---" : "--:")), ...cells]
      .map((line) => `| ${line.join(" | ")} |`)
      .join("\n"),
  );
  const measured = `Measured on ${machine.date} with Node.js ${machine.node} on ${machine.cpu}, ${machine.cores} cores.`;
  const part = `${begin}\n\n${measured}\n\n${table}\n\n![The same as bars](bench.svg)\n\n${others.map((other) => `${other}\n\n`).join("")}`;
  writeFileSync(file, page.slice(0, start) + part + page.slice(stop));
}
