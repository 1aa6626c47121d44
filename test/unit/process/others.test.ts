import { once } from "node:events";
import { mkdtemp, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { newId } from "../../../src/base/ids.ts";
import { captureOutput } from "../../../src/process/capture.ts";
import { startDetached } from "../../../src/process/detached.ts";
import { runInteractive } from "../../../src/process/interactive.ts";
import { parseStat } from "../../../src/process/proc-table.ts";
import { markedEnvironment, markersIn } from "../../../src/process/marker.ts";
import { createProcessTable } from "../../../src/process/own-table.ts";
import { parsePs } from "../../../src/process/ps-table.ts";
import { patienceMs } from "../../support/conditions.ts";
import { aliveWithEnvironment, isAlive, until } from "../../support/processes.ts";
import { compileSources, firstLine } from "./compiled.ts";

const shell = (script: string, env: Record<string, string> = {}) => ({
  label: "my-program",
  command: "/bin/sh",
  args: ["-c", script],
  env: { PATH: process.env["PATH"]!, ...env },
  cwd: tmpdir(),
});

describe("a detached program", () => {
  test("outlives its starter, in a session of its own, outside the tree it was started from", async () => {
    await using compiled = await compileSources("process/detached");
    const spec = shell("sleep 1000", { CRUCIBLE_PROCESS: "agt_outer" });
    const starter = compiled.run(
      `const { startDetached } = await source("process/detached");
       const { pid } = await startDetached(JSON.parse(process.argv[1]));
       console.log(String(pid));`,
      JSON.stringify(spec),
    );
    const pid = Number(await firstLine(starter));
    expect(await once(starter, "exit")).toEqual([0, null]);
    try {
      expect(isAlive(pid)).toBe(true);
      expect(createProcessTable().snapshotNow().entries.get(pid)).toMatchObject({ sessionId: pid, groupId: pid });
      expect(await readlink(`/proc/${pid}/fd/0`)).toBe("/dev/null");
      expect(await readlink(`/proc/${pid}/fd/1`)).toBe("/dev/null");
      expect(aliveWithEnvironment("CRUCIBLE_PROCESS=agt_outer")).not.toContain(pid);
    } finally {
      process.kill(-pid, "SIGKILL");
    }
  });

  test("writes to a log file, and its early end is known", async () => {
    const folder = await mkdtemp(join(tmpdir(), "crucible-detached-"));
    const logFile = join(folder, "daemon.log");
    const { exited } = await startDetached(shell("echo out; echo err >&2; exit 4"), { logFile });
    expect(await exited).toEqual({ code: 4, signal: null });
    expect(await readFile(logFile, "utf8")).toBe("out\nerr\n");
    await rm(folder, { recursive: true });
  });

  test("that cannot be started is told", async () => {
    await expect(startDetached({ ...shell(""), command: "/nowhere/daemon" })).rejects.toMatchObject({
      code: "CRU_AGENT_START",
      message: expect.stringContaining("/nowhere/daemon does not exist"),
    });
  });
});

describe("an interactive program", () => {
  const program = `const { runInteractive } = await source("process/interactive");
    console.log(JSON.stringify(await runInteractive(JSON.parse(process.argv[1]))));`;

  test("has the caller's stdio, and its exit code is returned", async () => {
    await using compiled = await compileSources("process/interactive");
    const runner = compiled.run(program, JSON.stringify(shell("echo visible; exit 7")));
    let output = "";
    for await (const chunk of runner.stdout!) output += String(chunk);
    expect(output).toBe(`visible\n{"code":7,"signal":null}\n`);
  });

  test("decides itself what an interrupt means, and is told when the caller is to end", async () => {
    await using compiled = await compileSources("process/interactive");
    const runner = compiled.run(program, JSON.stringify(shell("echo up; exec sleep 1000")));
    expect(await firstLine(runner)).toBe("up");
    runner.kill("SIGINT");
    runner.kill("SIGTERM");
    expect(await firstLine(runner)).toBe(`{"code":null,"signal":"SIGTERM"}`);
    expect(await once(runner, "exit")).toEqual([0, null]);
  });

  test("that cannot be started is told", async () => {
    await expect(runInteractive({ ...shell(""), command: "/nowhere/login" })).rejects.toMatchObject({
      code: "CRU_AGENT_START",
    });
  });
});

describe("a captured answer", () => {
  const limits = { timeoutMs: patienceMs, maxBytes: 1000, isComplete: (output: string) => output.includes("END") };

  test("is what was said when it is complete, although something in the background holds the pipe", async () => {
    const mark = newId("agt");
    const spec = shell("sleep 1000 & echo answer END", { TEST_TREE: mark });
    expect(await captureOutput(spec, limits)).toBe("answer END\n");
    const left = (): number[] => aliveWithEnvironment(mark);
    // The answer is complete a moment before the shell that gave it has ended.
    await until(() => left().length === 1, { what: "only what runs in the background" });
    process.kill(left()[0]!, "SIGKILL");
  });

  test("is what was said until the end, complete or not", async () => {
    expect(await captureOutput(shell("echo nothing much"), limits)).toBe("nothing much\n");
  });

  test("is none when it takes too long, and nothing is left of the program", async () => {
    const mark = newId("agt");
    const spec = shell("setsid sleep 1000 & sleep 1000", { TEST_TREE: mark });
    expect(await captureOutput(spec, { ...limits, timeoutMs: 300 })).toBe(undefined);
    expect(aliveWithEnvironment(mark)).toEqual([]);
  });

  test("is none when it is too long, and nothing is left of the program", async () => {
    const mark = newId("agt");
    expect(await captureOutput(shell("yes; sleep 1000", { TEST_TREE: mark }), limits)).toBe(undefined);
    expect(aliveWithEnvironment(mark)).toEqual([]);
  });

  test("of what cannot be started is an error", async () => {
    await expect(captureOutput({ ...shell(""), command: "/nowhere/shell" }, limits)).rejects.toMatchObject({
      code: "CRU_AGENT_START",
    });
  });
});

describe("the marker", () => {
  test("of a daemon that runs below an agent names both trees, so that the outer end takes the inner along", () => {
    const outer = markedEnvironment("agt_outer", {});
    const inner = markedEnvironment("agt_inner", outer);
    expect(markersIn(`A=1\0CRUCIBLE_PROCESS=${inner["CRUCIBLE_PROCESS"]}\0B=2\0`)).toEqual(["agt_outer", "agt_inner"]);
  });

  test("is nothing but that variable", () => {
    expect(markersIn("X_CRUCIBLE_PROCESS=agt_1\0NOTE=CRUCIBLE_PROCESS=agt_2\0")).toEqual([]);
  });
});

describe("the process table", () => {
  test("reads a line of /proc/PID/stat whatever the program is called", () => {
    const numbers = Array.from({ length: 20 }, (_, i) => i + 100).join(" ");
    expect(parseStat(`42 (a) Z (b c) S 7 8 9 ${numbers}`)).toEqual({
      pid: 42,
      parentPid: 7,
      groupId: 8,
      sessionId: 9,
      startTime: 115,
      dead: false,
    });
    expect(parseStat(`42 (sh) Z 7 8 9 ${numbers}`)?.dead).toBe(true);
    expect(parseStat("garbage")).toBe(undefined);
  });

  test("reads what macOS prints", () => {
    const output = `    1     0     1   9840 Ss   Tue Nov  3 08:15:02 2026    \n  611     1   611   2016 Z    Wed Nov 11 19:00:00 2026\nps: oops\n`;
    expect(parsePs(output)).toMatchObject([
      { pid: 1, parentPid: 0, groupId: 1, dead: false, residentBytes: 9840 * 1024 },
      { pid: 611, parentPid: 1, groupId: 611, dead: true },
    ]);
  });

  test("shares one look among those who ask at the same time, and never one begun before they asked", async () => {
    const table = createProcessTable();
    const [first, second, third] = [table.snapshot(), table.snapshot(), table.snapshot()];
    expect(second).toBe(third);
    expect(await first).not.toBe(await second);
    expect((await table.snapshot()).entries.has(process.pid)).toBe(true);
  });
});
