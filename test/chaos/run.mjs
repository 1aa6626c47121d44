// `npm run test:chaos`: hours of random use, compressed into minutes, against a real daemon; what is done and what must hold
// stands in chaos.ts. Prints a table; ends with 1 at the first thing that does not hold, with its seed and the steps that led there.
//   --minutes N   how long (default: 5)
//   --seed N      the choices of an earlier run (default: new ones)
//   --write       put the figures into docs/reference/reliability.md
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dirname, "../..");
const page = join(root, "docs/reference/reliability.md");
const { values } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, seed: { type: "string" }, write: { type: "boolean" } },
});
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
const seconds = Number(values.minutes) * 60;

const folder = mkdtempSync(join(tmpdir(), "cru-chaos-"));
try {
  const file = join(folder, "report.json");
  const env = { ...process.env, CHAOS_SEED: seed, CHAOS_SECONDS: String(seconds), CHAOS_REPORT: file };
  const args = ["vitest", "run", "--config", join(import.meta.dirname, "vitest.config.ts")];
  const { status } = spawnSync("npx", args, { cwd: root, env, stdio: "inherit" });
  if (status === 0) tell(JSON.parse(readFileSync(file, "utf8")));
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}

function tell(report) {
  const table = tableOf(report);
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

function tableOf(report) {
  const mb = (value) => `${value.toFixed(0)} MB`;
  const counted = (counts) =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
  const { residentMb, usedMb, descriptors } = report;
  const { slopePerMinute } = usedMb;
  const rows = [
    ["seed, length", `${report.seed}, ${report.seconds} s`],
    ["what was done", counted(report.steps)],
    ["ends of the daemon", `${report.crashes} by SIGKILL, ${report.restarts} gentle`],
    ["disk made full", report.diskFilled ? "yes" : "no (needs root)"],
    ["sessions opened", report.sessions],
    ["agents started", `${report.agentsStarted}, of which ${report.agentsKilled} ended without being asked to`],
    ["delegations by outcome", counted(report.delegations)],
    ["delegations with more than one outcome, or none", 0],
    ["sessions of editors that outlived their daemon and went on", report.reopened],
    ["completed results compared with what was said, all whole", report.resultsRead],
    ["processes, sessions, places in a queue left over", 0],
    ["slowest answer to `crucible status`", `${report.slowestStatusMs} ms`],
    ["longest from giving up to nothing left", `${report.slowestQuietMs} ms`],
    ["memory in use when quiet, first and last", `${mb(usedMb.first)}, ${mb(usedMb.last)}`],
    [
      "its slope over quiet moments",
      slopePerMinute === undefined ? "too short to tell" : `${slopePerMinute.toFixed(1)} MB a minute`,
    ],
    [
      "resident memory when quiet, first and last",
      `${mb(residentMb.first)}, ${mb(residentMb.last)}; highest ${mb(residentMb.highest)}`,
    ],
    [
      "descriptors when quiet, first and last",
      `${descriptors.first}, ${descriptors.last}; highest ${descriptors.highest}`,
    ],
  ];
  return [["", "figure"], ["---", "---"], ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
