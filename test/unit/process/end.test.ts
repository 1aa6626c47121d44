import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { LaunchSpec, RunningProcess } from "../../../src/process/child.ts";
import { createProcessTable } from "../../../src/process/own-table.ts";
import type { ProcessTable } from "../../../src/process/process-table.ts";
import { createPsProcessTable } from "../../../src/process/ps-table.ts";
import { aliveWithCommand, aliveWithEnvironment, isAlive, parentOf, until } from "../../support/processes.ts";
import { compileSources } from "./compiled.ts";
import { agentFile, agentSpec, said, shortThenLong, testLauncher, type TestLauncher } from "./launching.ts";

/** The helper of `leaves-an-unmarked-helper.sh`, once it has become what it is. */
function unmarkedHelperOf(child: RunningProcess): number | undefined {
  const marked = aliveWithEnvironment(child.id);
  return aliveWithCommand("sleep 1000").find((pid) => parentOf(pid) === child.pid && !marked.includes(pid));
}

describe("the end of a process", () => {
  test("is gentle first: end of stdin is enough for one that heeds it", async () => {
    await using tester = await testLauncher({ graceMs: () => 20_000 });
    const child = await tester.launch(agentSpec("echoes.mjs"));
    expect(await child.end()).toEqual({ code: 0, signal: null });
    expect(aliveWithEnvironment(child.id)).toEqual([]);
  });

  test("is SIGTERM for one that ignores the end of stdin", async () => {
    await using tester = await testLauncher({ graceMs: shortThenLong() });
    const child = await tester.launch(agentSpec("ignores-end-of-stdin.mjs"));
    await said(child, "up");
    expect(await child.end()).toEqual({ code: null, signal: "SIGTERM" });
    expect(isAlive(child.pid)).toBe(false);
  });

  test("is SIGKILL for one that ignores both, after two graces", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("ignores-everything.mjs"));
    await said(child, "up");
    const startedAt = performance.now();
    expect(await child.end()).toEqual({ code: null, signal: "SIGKILL" });
    expect(performance.now() - startedAt).toBeGreaterThan(390);
    expect(isAlive(child.pid)).toBe(false);
  });

  test("at once skips every grace, also in the middle of a gentle end", async () => {
    await using tester = await testLauncher({ graceMs: () => 600_000 });
    const first = await tester.launch(agentSpec("ignores-everything.mjs"));
    const second = await tester.launch(agentSpec("ignores-everything.mjs"));
    await Promise.all([said(first, "up"), said(second, "up")]);
    const gentle = second.end();
    expect(await first.kill()).toEqual({ code: null, signal: "SIGKILL" });
    expect(await second.kill()).toEqual({ code: null, signal: "SIGKILL" });
    expect(await gentle).toEqual({ code: null, signal: "SIGKILL" });
    expect(aliveWithEnvironment(first.id).concat(aliveWithEnvironment(second.id))).toEqual([]);
  });

  test("is one end however often it is asked for", async () => {
    const ended: string[] = [];
    await using tester = await testLauncher({ graceMs: shortThenLong(), onEnded: ({ reason }) => ended.push(reason) });
    const child = await tester.launch(agentSpec("ignores-end-of-stdin.mjs"));
    const ends = await Promise.all([
      child.end("the user left"),
      child.end(),
      child[Symbol.asyncDispose]().then(() => child.end()),
    ]);
    expect(new Set(ends.map((exit) => exit.signal))).toEqual(new Set(["SIGTERM"]));
    expect(ended).toEqual(["the user left"]);
  });

  test("leaves no timer that would keep the program waiting", async () => {
    await using tester = await testLauncher();
    await using compiled = await compileSources("process/launcher");
    const program = compiled.run(
      `const { createLauncher } = await source("process/launcher");
       const launch = createLauncher({ stateDirectory: process.argv[1], graceMs: () => 60_000 });
       const child = await launch({ label: "cat", command: "/bin/cat", args: [], env: {}, cwd: "/" });
       await child.end();`,
      tester.stateDirectory,
    );
    expect(await once(program, "exit")).toEqual([0, null]);
  });
});

describe("the end of the tree", () => {
  test.each(["leaves-a-daemon.sh", "leaves-own-groups.sh"])("takes with it what %s", async (agent) => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec(agent));
    await until(() => aliveWithEnvironment(child.id).length >= 3, { what: "its helpers" });
    await child.end();
    expect(aliveWithEnvironment(child.id)).toEqual([]);
  });

  test("takes with it a helper that has no marker in its environment", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("leaves-an-unmarked-helper.sh"));
    const helper = await until(() => unmarkedHelperOf(child));
    await child.end();
    expect(isAlive(helper)).toBe(false);
  });

  test("wins against one that starts its helpers anew", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("respawns.sh"));
    await said(child, "up");
    await child.end();
    expect(aliveWithEnvironment(child.id)).toEqual([]);
  });

  test("comes by itself when the agent ends, whatever it leaves behind", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("leaves-a-daemon.sh"));
    await until(() => aliveWithEnvironment(child.id).length >= 3);
    process.kill(child.pid, "SIGKILL");
    expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
    await until(() => aliveWithEnvironment(child.id).length === 0, { what: "the end of the daemon" });
    await until(async () => (await tester.journal()).length === 0, { what: "the end of the record" });
  });

  test.each([0, 1])("comes although a helper holds stdout of an agent that exited with %i", async (code) => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("dies-while-a-helper-holds-stdout.mjs", String(code)));
    expect(await said(child, "last words")).toBe("last words\n");
    expect(await child.exited).toEqual({ code, signal: null });
    await until(() => aliveWithEnvironment(child.id).length === 0);
  });

  test("comes although a helper holds all pipes of an agent that crashed", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("dies-while-a-helper-holds-everything.mjs"));
    expect(await child.exited).toEqual({ code: 1, signal: null });
    await until(() => aliveWithEnvironment(child.id).length === 0);
  });

  test("spares everything else", async () => {
    await using tester = await testLauncher();
    const other = await tester.launch(agentSpec("leaves-own-groups.sh"));
    const child = await tester.launch(agentSpec("leaves-own-groups.sh"));
    await until(() => aliveWithEnvironment(other.id).length === 3 && aliveWithEnvironment(child.id).length === 3);
    const spared = aliveWithEnvironment(other.id);
    await child.kill();
    expect(aliveWithEnvironment(child.id)).toEqual([]);
    expect(aliveWithEnvironment(other.id)).toEqual(spared);
  });
});

describe("a wrapper that exits while the agent lives", () => {
  test("does not end the agent: it goes on over the same pipes, and its end is noticed", async () => {
    const table = createProcessTable();
    const looked = new Set<number>();
    const watched: ProcessTable = {
      ...table,
      descriptor: (pid, descriptor) => {
        looked.add(pid);
        return table.descriptor(pid, descriptor);
      },
    };
    await using tester = await testLauncher({ table: watched });
    const child = await tester.launch(agentSpec("wraps-and-exits.mjs", process.execPath, agentFile("echoes.mjs")));
    await until(() => !isAlive(child.pid), { what: "the wrapper's exit" });
    child.stdin.write("still there?\n");
    expect(await said(child, "\n")).toBe("still there?\n");
    expect(tester.launch.running()).toHaveLength(1);
    const [agent] = aliveWithEnvironment(child.id);
    // One that ends before it was found has not taken the wrapper's place.
    await until(() => looked.has(agent!), { what: "the agent to be found" });
    process.kill(agent!, "SIGKILL");
    expect(await child.exited).toEqual({ code: null, signal: null });
    await until(() => tester.launch.running().length === 0);
  });

  test("leaves one that can be ended gently, and one that can only be killed", async () => {
    await using tester = await testLauncher();
    for (const name of ["echoes.mjs", "ignores-end-of-stdin.mjs", "ignores-everything.mjs"]) {
      const child = await tester.launch(agentSpec("wraps-and-exits.mjs", process.execPath, agentFile(name)));
      await until(() => !isAlive(child.pid) && aliveWithEnvironment(child.id).length === 1);
      await child.end();
      expect(aliveWithEnvironment(child.id)).toEqual([]);
    }
  });
});

describe("the launcher", () => {
  const marked = ({ stateDirectory }: TestLauncher): LaunchSpec => {
    const spec = agentSpec("leaves-a-daemon.sh");
    return { ...spec, env: { ...spec.env, TEST_TREE: stateDirectory } };
  };

  test("leaves nothing of a process whose start is called off", async () => {
    await using tester = await testLauncher();
    const off = new AbortController();
    const launching = tester.launch(marked(tester), { signal: off.signal });
    off.abort(new Error("called off"));
    await expect(launching).rejects.toThrow("called off");
    expect(tester.launch.running()).toEqual([]);
    expect(await tester.journal()).toEqual([]);
    expect(aliveWithEnvironment(`TEST_TREE=${tester.stateDirectory}`)).toEqual([]);
  });

  test("that closes ends all, those being started too, and starts no more", async () => {
    await using tester = await testLauncher();
    await tester.launch(marked(tester));
    const starting = tester.launch(marked(tester));
    const [, started] = await Promise.all([tester.launch.close(), starting.catch((error: unknown) => error)]);
    expect(started).toMatchObject({ code: "CRU_AGENT_START" });
    await expect(tester.launch(marked(tester))).rejects.toMatchObject({ code: "CRU_AGENT_START" });
    expect(aliveWithEnvironment(`TEST_TREE=${tester.stateDirectory}`)).toEqual([]);
    expect(await tester.journal()).toEqual([]);
  });

  test("can kill every tree in one breath", async () => {
    await using tester = await testLauncher({ graceMs: () => 60_000 });
    const child = await tester.launch(agentSpec("leaves-a-daemon.sh"));
    await until(() => aliveWithEnvironment(child.id).length >= 3);
    tester.launch.killAllNow();
    expect(aliveWithEnvironment(child.id)).toEqual([]);
  });

  test("ends twenty trees at once", async () => {
    await using tester = await testLauncher();
    const children = await Promise.all(
      Array.from({ length: 20 }, () => tester.launch(agentSpec("leaves-own-groups.sh"))),
    );
    await Promise.all(children.map((child) => child.end()));
    for (const child of children) expect(aliveWithEnvironment(child.id)).toEqual([]);
  });
});

describe("without /proc", () => {
  test("parents and groups as told by ps are enough for helpers that did not leave them", async () => {
    await using tester = await testLauncher({ table: createPsProcessTable() });
    const child = await tester.launch(agentSpec("leaves-an-unmarked-helper.sh"));
    const helper = await until(() => unmarkedHelperOf(child));
    expect(await child.residentBytes()).toBeGreaterThan(0);
    await child.end();
    expect([child.pid, helper].filter(isAlive)).toEqual([]);
  });

  test("a group made by a helper is found as long as its parent lives", async () => {
    await using tester = await testLauncher({ table: createPsProcessTable() });
    const child = await tester.launch(agentSpec("leaves-own-groups.sh"));
    await until(() => aliveWithEnvironment(child.id).length >= 3);
    await child.end();
    expect(aliveWithEnvironment(child.id)).toEqual([]);
  });
});
