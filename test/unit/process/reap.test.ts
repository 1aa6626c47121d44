import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../../src/base/ids.ts";
import { createProcessTable } from "../../../src/process/own-table.ts";
import { createPsProcessTable } from "../../../src/process/ps-table.ts";
import { reapLeftovers } from "../../../src/process/reap.ts";
import { aliveWithEnvironment, isAlive, until } from "../../support/processes.ts";
import { compileSources, firstLine } from "./compiled.ts";
import { agentFile, agentSpec, testLauncher } from "./launching.ts";

const table = createProcessTable();
const thisDaemon = { pid: process.pid, startTime: table.find(process.pid)!.startTime, bootId: table.bootId };

let bystander: ChildProcess;
let stateDirectory: string;
let records: string;

beforeEach(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "crucible-reap-"));
  records = join(stateDirectory, "processes");
  await mkdir(records);
  bystander = spawn("sleep", ["1000"], { stdio: "ignore" });
});

afterEach(async () => {
  bystander.kill("SIGKILL");
  await rm(stateDirectory, { recursive: true });
});

function writeRecord(id: string, record: object): Promise<void> {
  return writeFile(join(records, `${id}.json`), JSON.stringify({ id, label: "my-agent", ...record }));
}

describe("what a killed daemon left", () => {
  test("is ended by the next one: exactly that, and the records are removed", async () => {
    await using compiled = await compileSources("process/launcher");
    await using alive = await testLauncher({ stateDirectory });
    const other = await alive.launch(agentSpec("leaves-own-groups.sh"));
    const daemon = compiled.run(
      `import { once } from "node:events";
       const { createLauncher } = await source("process/launcher");
       const [stateDirectory, ...commands] = process.argv.slice(1);
       const launch = createLauncher({ stateDirectory, graceMs: () => 100 });
       const env = { PATH: process.env.PATH };
       const start = (command) => launch({ label: command, command: "/bin/sh", args: ["-c", command], env, cwd: "/" });
       const children = await Promise.all(commands.map(start));
       // Those that ignore everything say so, once they do.
       await Promise.all(children.slice(1).map(({ stdout }) => once(stdout, "data")));
       console.log(JSON.stringify(children.map(({ id }) => id)));
       setInterval(() => {}, 1000);`,
      stateDirectory,
      agentFile("leaves-a-daemon.sh"),
      `${process.execPath} ${agentFile("ignores-everything.mjs")}`,
      `${process.execPath} ${agentFile("wraps-and-exits.mjs")} ${process.execPath} ${agentFile("ignores-everything.mjs")}`,
    );
    const ids: string[] = JSON.parse(await firstLine(daemon));
    const leftovers = (): number[] => ids.flatMap(aliveWithEnvironment);
    await until(
      () => ids.every((id) => aliveWithEnvironment(id).length > 0) && aliveWithEnvironment(other.id).length === 3,
    );
    const spared = aliveWithEnvironment(other.id);
    daemon.kill("SIGKILL");
    await once(daemon, "exit");
    expect(leftovers().length).toBeGreaterThanOrEqual(3);

    const reaped = await reapLeftovers(stateDirectory, { graceMs: 200 });
    expect(leftovers()).toEqual([]);
    expect(reaped).toHaveLength(3);
    expect(await readdir(records)).toEqual([`${other.id}.json`]);
    expect(aliveWithEnvironment(other.id)).toEqual(spared);
    expect(isAlive(bystander.pid!)).toBe(true);
  });

  test("is not whoever has its pid now", async () => {
    const pid = bystander.pid!;
    const daemon = { ...thisDaemon, startTime: thisDaemon.startTime - 1 };
    await writeRecord("agt_reused", { daemon, process: { pid, startTime: table.find(pid)?.startTime } });
    expect(await reapLeftovers(stateDirectory)).toEqual([{ label: "my-agent", pids: [] }]);
    expect(isAlive(pid)).toBe(true);
    expect(await readdir(records)).toEqual([]);
  });

  test("is nothing after the machine was started anew, even if pid and time are the same", async () => {
    await writeRecord("agt_before", { daemon: { ...thisDaemon, bootId: "another" } });
    expect(await reapLeftovers(stateDirectory)).toHaveLength(1);
    expect(await readdir(records)).toEqual([]);
  });

  test("stays on record while its daemon lives, also when it is not complete", async () => {
    await writeRecord("agt_mine", { daemon: thisDaemon });
    expect(await reapLeftovers(stateDirectory)).toEqual([]);
    expect(await readdir(records)).toEqual(["agt_mine.json"]);
  });

  test("does not include the one that reaps, though it was started from within the old tree", async () => {
    await using compiled = await compileSources("process/reap");
    const outer = newId("agt");
    await writeRecord(outer, { daemon: { ...thisDaemon, startTime: 1 } });
    const program = `const { reapLeftovers } = await source("process/reap");
      await reapLeftovers(process.argv[1]);
      console.log("survived");`;
    process.env["CRUCIBLE_PROCESS"] = outer;
    const reaper = compiled.run(program, stateDirectory);
    delete process.env["CRUCIBLE_PROCESS"];
    expect(await firstLine(reaper)).toBe("survived");
  });
});

describe("the folder of records", () => {
  test("may hold garbage, which is warned of and left alone", async () => {
    const garbage = {
      "half.json": `{"id":"half","la`,
      "other.json": `{"id":"different"}`,
      "notes.txt": "hello",
      "list.json": "[]",
    };
    for (const [name, text] of Object.entries(garbage)) await writeFile(join(records, name), text);
    await mkdir(join(records, "folder.json"));
    await writeRecord("agt_dead", { daemon: { ...thisDaemon, startTime: 1 } });
    const warnings: string[] = [];
    await reapLeftovers(stateDirectory, { onWarning: (message) => warnings.push(message) });
    expect(warnings).toHaveLength(5);
    expect(warnings.join("\n")).toContain(join(records, "half.json"));
    expect((await readdir(records)).toSorted()).toEqual([...Object.keys(garbage), "folder.json"].toSorted());
    expect(await readFile(join(records, "notes.txt"), "utf8")).toBe("hello");
  });

  test("need not exist", async () => {
    expect(await reapLeftovers(join(stateDirectory, "nowhere"))).toEqual([]);
  });
});

describe("without /proc", () => {
  const psTable = createPsProcessTable();

  test("the recorded process and its group are ended if the start time is the recorded one", async () => {
    const leader = spawn("sh", ["-c", "sleep 1000 & sleep 1000 & wait"], { detached: true, stdio: "ignore" });
    const pid = leader.pid!;
    await until(() => psTable.snapshotNow().entries.has(pid));
    const startTime = psTable.find(pid)!.startTime;
    const daemon = { pid: 1, startTime: 0, bootId: "" };
    await writeRecord("agt_reused", { daemon, process: { pid: bystander.pid, startTime: startTime - 100 } });
    await writeRecord("agt_gone", { daemon, process: { pid, startTime } });
    await reapLeftovers(stateDirectory, { table: psTable });
    expect([...psTable.snapshotNow().entries.values()].filter((entry) => entry.groupId === pid && !entry.dead)).toEqual(
      [],
    );
    expect(isAlive(bystander.pid!)).toBe(true);
    expect(await readdir(records)).toEqual([]);
  });
});
