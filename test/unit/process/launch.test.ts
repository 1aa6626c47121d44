import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CrucibleError } from "../../../src/base/errors.ts";
import { aliveWithEnvironment, until } from "../../support/processes.ts";
import { agentSpec, said, shortThenLong, testLauncher } from "./launching.ts";

describe("a started process", () => {
  test("speaks raw bytes over its pipes and reports how it ended", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("echoes.mjs"));
    child.stdin.write("grüße\n");
    expect(await said(child, "\n")).toBe("grüße\n");
    child.stdin.end();
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test("gets exactly the environment and directory asked for, and a marker of its own", async () => {
    await using tester = await testLauncher();
    const spec = { ...agentSpec("echoes.mjs"), command: "/bin/sh", args: ["-c", "pwd; env; cat"], cwd: "/usr" };
    const child = await tester.launch({ ...spec, env: { GREETING: "hello" } });
    const output = await said(child, "CRUCIBLE_PROCESS");
    expect(output).toMatch(/^\/usr\n/);
    expect(output).toContain("GREETING=hello\n");
    expect(output).toContain(child.id);
    expect(output).not.toContain("HOME=");
  });

  test("whose death is noticed at once, with its last words on stderr", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("dies-at-once.sh"));
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(child.stderrTail()).toBe("fatal: no credentials found");
  });

  test("that died does not take a writer with it", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("dies-at-once.sh"));
    await child.exited;
    for (let i = 0; i < 3; i++) child.stdin.write("is anybody there?\n");
    await child.end();
    child.stdin.write("and now?\n");
    expect(tester.warnings).toEqual([]);
  });

  test("that closed its stdin does not take a writer with it, and lives on", async () => {
    await using tester = await testLauncher({ graceMs: shortThenLong() });
    const child = await tester.launch(agentSpec("closes-stdin.sh"));
    await said(child, "up");
    child.stdin.write("nobody reads this\n");
    await until(() => child.stdin.destroyed, { what: "the broken pipe" });
    expect(tester.launch.running()).toHaveLength(1);
    expect(await child.end()).toEqual({ code: null, signal: "SIGTERM" });
  });

  test("tells its memory, its children's included", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(
      agentSpec("wraps-and-exits.mjs", process.execPath, "-e", "setInterval(() => {}, 1000)"),
    );
    expect(await until(async () => (await child.residentBytes()) > 10_000_000)).toBe(true);
  });
});

describe("stderr", () => {
  test("is drained however much comes, and its tail is bounded in lines and bytes", async () => {
    const lines: string[] = [];
    await using tester = await testLauncher({ onStderr: (_label, line) => lines.push(line) });
    const child = await tester.launch(agentSpec("floods-stderr.mjs"));
    await said(child, "done");
    await until(() => child.stderrTail().endsWith("the last line"), { what: "the last line" });
    const tail = child.stderrTail();
    expect(tail.split("\n").length).toBeLessThanOrEqual(40);
    expect(tail.split("\n").at(-2)).toBe("65535".padStart(62, "é"));
    expect(lines).toHaveLength(65_537);
  });

  test("is plain text, and its tail holds at most 40 lines and 8 KiB without splitting a character", async () => {
    await using tester = await testLauncher();
    const shell = { ...agentSpec("echoes.mjs"), command: "/bin/sh" };
    const many = await tester.launch({ ...shell, args: ["-c", "seq 1000 >&2; printf '\\033[31mred\\033[0m' >&2"] });
    await many.exited;
    expect(many.stderrTail().split("\n")).toEqual([...Array.from({ length: 39 }, (_, i) => String(962 + i)), "red"]);
    const long = await tester.launch({
      ...shell,
      command: process.execPath,
      args: ["-e", "process.stderr.write('x' + '€'.repeat(20000))"],
    });
    await long.exited;
    expect(long.stderrTail()).toMatch(/^€+$/);
    expect(Buffer.byteLength(long.stderrTail())).toBeGreaterThan(8 * 1024 - 3);
    expect(Buffer.byteLength(long.stderrTail())).toBeLessThanOrEqual(8 * 1024);
  });
});

describe("stdout", () => {
  test("that nobody reads holds the writer back instead of filling the memory", async () => {
    await using tester = await testLauncher();
    const before = process.memoryUsage().rss;
    const child = await tester.launch(agentSpec("floods-stdout.mjs"));
    // It has written all that fits when it sleeps and its own buffer no longer changes.
    await until(async () => (await child.residentBytes()) > 0);
    await said(child, "x");
    child.stdout.pause();
    expect(child.stdout.readableLength).toBeLessThan(1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
    expect(aliveWithEnvironment(child.id)).toEqual([child.pid]);
  });

  test("arrives complete although the process has ended before it was read", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch({
      ...agentSpec("echoes.mjs"),
      command: "/bin/sh",
      args: ["-c", "head -c 100000 /dev/zero"],
    });
    await until(() => aliveWithEnvironment(child.id).length === 0);
    await child.exited;
    let bytes = 0;
    for await (const chunk of child.stdout) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(100_000);
  });
});

describe("what cannot be started", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "crucible-spawn-"));
    await writeFile(join(folder, "not-executable"), "#!/bin/sh\n");
    await writeFile(join(folder, "no-interpreter"), "#!/nowhere/python9\n");
    await chmod(join(folder, "no-interpreter"), 0o755);
  });
  afterAll(() => rm(folder, { recursive: true }));

  // A folder that may not be looked into would be another problem.
  const onPath = { PATH: "/usr/bin:/bin" };

  const failures: [string, Record<string, unknown>, RegExp, RegExp][] = [
    ["a missing program", { command: "FOLDER/nowhere" }, /the program \/.*\/nowhere does not exist/, /install it/],
    [
      "a name that is nowhere on PATH",
      { command: "no-such-agent", env: onPath },
      /no-such-agent does not exist/,
      /full path/,
    ],
    ["a missing directory", { cwd: "FOLDER/nowhere" }, /its working directory \/.*\/nowhere does not exist/, /cwd/],
    ["a file as directory", { cwd: "/etc/passwd" }, /\/etc\/passwd is not a directory/, /cwd/],
    ["a directory as program", { command: "/usr" }, /\/usr is a directory, not a program/, /command/],
    ["no right to execute", { command: "FOLDER/not-executable" }, /may not be executed/, /chmod \+x/],
    ["a missing interpreter", { command: "FOLDER/no-interpreter" }, /interpreter \/nowhere\/python9/, /install/],
    ["a NUL byte", { args: ["a\0b"] }, /null bytes/, /args/],
    ["too many arguments", { args: ["x".repeat(4_000_000)] }, /larger than the system allows/, /shorten/],
  ];
  test.each(failures)(
    "%s is told with what to do about it, and leaves nothing",
    async (_name, change, message, hint) => {
      await using tester = await testLauncher();
      const spec = { ...agentSpec("echoes.mjs"), label: "my-agent", ...change };
      const [command, cwd] = [spec.command, spec.cwd].map((path) => path.replace("FOLDER", folder)) as [string, string];
      const error = await tester.launch({ ...spec, command, cwd }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(CrucibleError);
      expect(error).toMatchObject({ code: "CRU_AGENT_START", exitCode: 5 });
      expect((error as CrucibleError).message).toMatch(/^my-agent could not be started: /);
      expect((error as CrucibleError).message).toMatch(message);
      expect((error as CrucibleError).hint).toMatch(hint);
      expect(await tester.journal()).toEqual([]);
      expect(tester.launch.running()).toEqual([]);
    },
  );

  test("because it cannot be recorded is not started", async () => {
    await using tester = await testLauncher({ stateDirectory: "/etc/passwd" });
    await expect(tester.launch(agentSpec("echoes.mjs"))).rejects.toMatchObject({
      code: "CRU_AGENT_START",
      message: expect.stringMatching(/cannot be recorded/),
    });
  });
});

describe("the journal", () => {
  test("holds a private record of each process while its tree lives", async () => {
    await using tester = await testLauncher();
    const child = await tester.launch(agentSpec("echoes.mjs"));
    const file = join(tester.stateDirectory, "processes", `${child.id}.json`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(tester.stateDirectory, "processes"))).mode & 0o777).toBe(0o700);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({
      id: child.id,
      label: "echoes.mjs",
      daemon: { pid: process.pid },
      process: { pid: child.pid },
    });
    await child.end();
    expect(await tester.journal()).toEqual([]);
  });
});
