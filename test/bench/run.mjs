/**
 * `npm run bench`: measures what Crucible costs, on the machine it runs on, and prints a table. A whole run also renews
 * docs/reference/bench.md and its picture.
 *
 *   --only NAME    one measure (may be repeated)
 *   --quick        fewer rounds; for looking, not for publishing
 *   --json FILE    the numbers for machines
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openLab } from "./lab.mjs";
import { measures } from "./measures.mjs";
import { picture } from "./picture.mjs";
import { terminalTables, isOfSandbox, writePage } from "./report.mjs";

const docs = join(import.meta.dirname, "../../docs/reference");
const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const unknown = values.only.filter((name) => !Object.hasOwn(measures, name));
if (unknown.length > 0) {
  process.stderr.write(`error: no measure ${unknown.join(", ")}; there are ${Object.keys(measures).join(", ")}\n`);
  process.exit(2);
}

const chosen = Object.entries(measures).filter(([name]) => values.only.length === 0 || values.only.includes(name));
const rows = [];
const failures = [];
const lab = openLab();
try {
  await lab.startDaemon();
  for (const [name, measure] of chosen) {
    process.stderr.write(`measuring ${name} …\n`);
    try {
      rows.push(...(await measure(lab, { quick: values.quick })));
    } catch (error) {
      failures.push(`${name}: ${error.message}`);
    }
  }
} finally {
  await lab.close();
}

const machine = {
  date: new Date().toISOString().slice(0, 10),
  node: process.versions.node,
  cpu: cpus()[0].model,
  cores: cpus().length,
};
process.stdout.write(`${terminalTables(rows)}\n`);
if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, quick: values.quick, rows }, null, 2)}\n`);
for (const failure of failures) process.stderr.write(`failed: ${failure}\n`);
if (failures.length > 0) process.exitCode = 1;
else if (values.only.length === 0 && !values.quick) {
  mkdirSync(docs, { recursive: true });
  writePage(join(docs, "bench.md"), rows, machine);
  writeFileSync(join(docs, "bench.svg"), picture(rows.filter((row) => !isOfSandbox(row))));
}
