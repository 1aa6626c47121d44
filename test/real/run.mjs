/**
 * `npm run test:agents`: the real agents, through the real daemon, with a scripted model. Installs the agents into a cache,
 * examines one after the other, prints what it found and writes the table in docs/reference/agents.md.
 *
 *   node test/real/run.mjs [--only claude,codex] [--keep] [--list]
 *
 * --only examines these (another one still serves as their partner); --keep leaves the folder of each run in place;
 * --list prints the agents. Exit code 1 if any proof failed.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheRoot, installAgent } from "./agent-cache.mjs";
import { markdownTable, tableRow, writeTable } from "./agent-table.mjs";
import { agents } from "./agents.mjs";
import { killMarked } from "./processes.mjs";
import { examine } from "./through-crucible.mjs";

const { values: flags } = parseArgs({
  options: { only: { type: "string" }, keep: { type: "boolean" }, list: { type: "boolean" } },
});
const print = (line) => process.stdout.write(`${line}\n`);

async function main() {
  const wanted = flags.only?.split(",") ?? agents.map((agent) => agent.name);
  const unknown = wanted.filter((name) => !agents.some((agent) => agent.name === name));
  if (unknown.length > 0)
    throw new Error(`no such agent: ${unknown.join(", ")} (there are: ${agents.map(nameOf).join(", ")})`);
  if (flags.list)
    return agents.forEach((agent) => print(`${agent.name}\t${specsOf(agent)}\t${agent.bin} ${agent.args.join(" ")}`));

  const rows = [];
  for (const [index, agent] of agents.entries()) {
    // The next one in the circle is the partner, so a full run has every agent delegate to one vendor and work for another.
    const row = wanted.includes(agent.name) && (await examineOne(agent, agents[(index + 1) % agents.length]));
    if (row) rows.push(row);
  }
  if (rows.length === 0) return;
  print(`\n${markdownTable(rows)}\n`);
  print(`written to ${await writeTable(rows)}`);
}

/** @returns {Promise<string[] | undefined>} the agent's row; none if Crucible itself did not start */
async function examineOne(agent, partnerAgent) {
  print(`\n${agent.name}, with ${partnerAgent.name} as its partner`);
  const [subject, partner] = [await installed(agent), await installed(partnerAgent)];
  await mkdir(join(cacheRoot, "runs"), { recursive: true });
  const root = await mkdtemp(join(cacheRoot, "runs", `${agent.name}-`));
  const runtimeDir = await mkdtemp(join(tmpdir(), "crucible-"));
  let findings;
  try {
    findings = await examine(subject, partner, { root, runtimeDir, onStep: report });
  } catch (error) {
    report("run", error.message ?? JSON.stringify(error));
  } finally {
    killMarked(root);
    if (flags.keep) print(`  kept: ${root}`);
    else await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    await rm(runtimeDir, { recursive: true, force: true });
  }
  return findings?.proofs.start === undefined
    ? tableRow({ name: agent.name, version: subject.version, findings })
    : undefined;
}

async function installed(agent) {
  return { agent, ...(await installAgent(agent)) };
}

function report(name, problem) {
  if (problem !== undefined) process.exitCode = 1;
  print(`  ${problem === undefined ? "ok    " : "FAILED"} ${name}${problem === undefined ? "" : `: ${problem}`}`);
}

const nameOf = (agent) => agent.name;
const specsOf = (agent) =>
  Object.entries(agent.packages)
    .map(([name, version]) => `${name}@${version}`)
    .join(" ");

await main();
