// `npm run test:chaos`: hours of random use, compressed into minutes, against a real daemon; what is done and what must hold
// stands in chaos.ts. Prints a table; ends with 1 at the first thing that does not hold, with its seed and the steps that led there.
// Then one life of a daemon with thousands of sessions, which must leave nothing in its memory (soak.ts).
//   --minutes N   how long the random use lasts (default: 5; 0 = none of it)
//   --seed N      its choices in an earlier run (default: new ones)
//   --sessions N  how many sessions the one life has (default: 5000; 0 = none of it)
//   --write       put the figures into docs/reference/reliability.md
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dirname, "../..");
const page = join(root, "docs/reference/reliability.md");
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string" },
    sessions: { type: "string", default: "5000" },
    write: { type: "boolean" },
  },
});
if (Number(values.sessions) !== 0 && !(Number(values.sessions) > 2000)) {
  console.error("error: expected --sessions to be 0 or more than 2000: the first thousand warm the daemon up");
  process.exit(2);
}
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
const seconds = Number(values.minutes) * 60;

const folder = mkdtempSync(join(tmpdir(), "cru-chaos-"));
try {
  const asked = { CHAOS_SEED: seed, CHAOS_SECONDS: String(seconds), CHAOS_SESSIONS: values.sessions };
  const env = { ...process.env, ...asked, CHAOS_REPORTS: folder };
  const args = ["vitest", "run", "--config", join(import.meta.dirname, "vitest.config.ts")];
  const { status } = spawnSync("npx", args, { cwd: root, env, stdio: "inherit" });
  if (status === 0) tell([...chaosRows(reportNamed("chaos")), ...soakRows(reportNamed("soak"))]);
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Undefined when it was not asked for. */
function reportNamed(name) {
  const file = join(folder, `${name}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function tell(rows) {
  const table = [["", "figure"], ["---", "---"], ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  console.log(table);
  if (!values.write) return;
  const [start, end] = ["<!-- figures:start -->", "<!-- figures:end -->"];
  const text = readFileSync(page, "utf8");
  const from = text.indexOf(start) + start.length;
  const figures = `\n\n${machineLine()}\n\n${table}\n\n`;
  writeFileSync(page, text.slice(0, from) + figures + text.slice(text.indexOf(end)));
  spawnSync("npx", ["oxfmt", "--write", page], { cwd: root, stdio: "ignore" });
}

function machineLine() {
  const date = new Date().toISOString().slice(0, 10);
  return `Measured on ${date}: ${platform()} ${release()}, ${arch()}, ${cpus().length} cores, Node.js ${process.versions.node}.`;
}

function mb(value) {
  return `${value.toFixed(0)} MB`;
}

function chaosRows(report) {
  if (!report) return [];
  const counted = (counts) =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
  const { residentMb, usedMb, descriptors } = report;
  return [
    ["seed, length", `${report.seed}, ${report.seconds} s`],
    ["what was done", counted(report.steps)],
    ["ends of the daemon", `${report.crashes} by SIGKILL, ${report.restarts} gentle`],
    ["disk made full", report.diskFilled ? "yes" : "no (needs root)"],
    ["sessions opened", report.sessions],
    ["agents started", `${report.agentsStarted}, of which ${report.agentsKilled} ended without being asked to`],
    ["delegations by outcome", counted(report.delegations)],
    ["delegations with more than one outcome, or none", 0],
    ["delegations that ended otherwise than completed, and nothing that was done explains it", 0],
    ["sessions of editors that outlived their daemon and went on", report.reopened],
    ["completed results compared with what was said, all whole", report.resultsRead],
    ["processes, sessions, places in a queue left over", 0],
    ["slowest answer to `crucible status`", `${report.slowestStatusMs} ms`],
    ["longest from giving up to nothing left", `${report.slowestQuietMs} ms`],
    ["memory in use when quiet, first and last", `${mb(usedMb.first)}, ${mb(usedMb.last)}`],
    [
      "resident memory when quiet, first and last",
      `${mb(residentMb.first)}, ${mb(residentMb.last)}; highest ${mb(residentMb.highest)}`,
    ],
    [
      "descriptors when quiet, first and last",
      `${descriptors.first}, ${descriptors.last}; highest ${descriptors.highest}`,
    ],
  ];
}

function soakRows(report) {
  if (!report) return [];
  const { sessions, delegations, usedMb, residentMb, descriptors } = report;
  return [
    ["sessions in one life of a daemon", `${sessions}, of which ${delegations} by delegation`],
    ["what a thousand of them leave in use", `${(usedMb.perThousandSessions * 1024).toFixed(0)} kB`],
    ["memory in use after the first thousand, and at the end", `${mb(usedMb.first)}, ${mb(usedMb.last)}`],
    ["resident memory then", `${mb(residentMb.first)}, ${mb(residentMb.last)}`],
    ["descriptors then", `${descriptors.first}, ${descriptors.last}`],
  ];
}
