/** How `crucible acp` finds its daemon, starts one when none runs, and tells the editor when that fails. */
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { DaemonStatus } from "../../src/control/methods.ts";
import { exitCodes } from "../../src/base/errors.ts";
import { crucibleUser, ended, type CrucibleUser } from "../support/command-line.ts";
import { until } from "../support/conditions.ts";
import { aliveWithCommand, isAlive } from "../support/processes.ts";

const initialize = `${JSON.stringify({ jsonrpc: "2.0", id: "first", method: "initialize", params: {} })}\n`;

/** An editor that has started `crucible acp` and asked to initialize; resolves with the first line it reads. */
async function firstAnswer(user: CrucibleUser, args: readonly string[] = [], env: Record<string, string> = {}) {
  const process = user.start(["acp", ...args], env);
  let stderr = "";
  process.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  process.stdin.on("error", () => {});
  process.stdin.write(initialize);
  let output = "";
  process.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const exited = once(process, "close") as Promise<[number | null]>;
  const line = await until(() => output.includes("\n") && output.split("\n")[0]!, {
    what: "an answer",
  });
  return { process, exited, answer: JSON.parse(line) as Answer, stderr: () => stderr };
}

interface Answer {
  id: unknown;
  error: { message: string; data: { code: string } };
}

async function statusOf(user: CrucibleUser, args: readonly string[] = []): Promise<DaemonStatus> {
  const { stdout, stderr } = await user.run(["status", "--json", ...args]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as DaemonStatus;
}

describe("without a daemon", () => {
  test("one is started in the background, and outlives the editor; stderr says where its log is", async () => {
    const user = await crucibleUser();
    const editor = await firstAnswer(user);
    expect(editor.answer).toMatchObject({ id: "first", error: { data: { code: "CRU_AGENT_UNDECIDED" } } });
    const logFile = /^crucible: started the daemon in the background; its log is (.*)$/m.exec(editor.stderr())?.[1];
    const { pid, logFile: realLogFile } = await statusOf(user);
    expect(logFile).toBe(realLogFile);
    expect(existsSync(realLogFile)).toBe(true);

    editor.process.kill("SIGKILL");
    await editor.exited;
    expect(isAlive(pid)).toBe(true);
    expect((await statusOf(user)).pid).toBe(pid);
  });

  test("one that does not come up leaves nobody waiting who has reached it already", async () => {
    const user = await crucibleUser();
    user.write("state/crucible/worktrees", "where a folder should be");
    const { code, stderr } = await user.run(["delegate", "nobody", "x"]);
    expect(code).not.toBe(exitCodes.ok);
    // It would be told so only after twelve seconds.
    expect(stderr).not.toContain("CRU_DAEMON_SILENT");
    await until(() => aliveWithCommand(user.socketPath).length === 0, { what: "it to be gone" });
  });

  test("several editors that come at once all get an answer, from one daemon", async () => {
    const user = await crucibleUser();
    const editors = await Promise.all([1, 2, 3, 4].map(() => firstAnswer(user)));
    for (const { answer } of editors) expect(answer.error.data.code).toBe("CRU_AGENT_UNDECIDED");
    const { pid } = await statusOf(user);
    await until(() => aliveWithCommand(user.socketPath).filter((one) => one !== pid).length === 0, {
      what: "the other daemons to go away",
    });
    for (const { process } of editors) process.stdin.end();
    for (const { exited } of editors) expect((await exited)[0]).toBe(exitCodes.usage);
  });

  test("the socket and its folders are the user's alone", async () => {
    const user = await crucibleUser();
    const { process, exited } = await firstAnswer(user);
    expect(statSync(user.socketPath).mode & 0o777).toBe(0o600);
    expect(statSync(`${user.folder}/run/crucible`).mode & 0o777).toBe(0o700);
    expect(statSync(`${user.folder}/state/crucible`).mode & 0o777).toBe(0o700);
    process.stdin.end();
    await exited;
  });

  test("with --no-autostart the editor is answered with an error, and the exit code is 3", async () => {
    const user = await crucibleUser();
    const { answer, exited, stderr } = await firstAnswer(user, ["--no-autostart"]);
    expect(answer).toMatchObject({ id: "first", error: { data: { code: "CRU_DAEMON_UNREACHABLE" } } });
    expect(answer.error.message).toContain("hint: ");
    expect((await exited)[0]).toBe(3);
    expect(stderr()).toMatch(/^error: no daemon answers on .*: no socket there \[CRU_DAEMON_UNREACHABLE\]\n\nhint: /);
  });

  test("an editor that says nothing and goes is waited for no longer", async () => {
    const user = await crucibleUser();
    expect((await user.run(["acp", "--no-autostart"])).code).toBe(3);
  });
});

describe("a daemon that cannot start", () => {
  test("tells the editor its own error: here that of its configuration", async () => {
    const user = await crucibleUser();
    const file = user.write("kiln/wrong.toml", '[acp.agents.x]\nextnds = "claude"\n');
    const { answer, exited, stderr } = await firstAnswer(user, ["--config", "wrong.toml"]);
    expect(answer.error.data.code).toBe("CRU_CONFIG_INVALID");
    expect(answer.error.message).toContain(`${file}:2:1: unknown key "extnds"`);
    expect((await exited)[0]).toBe(4);
    expect(stderr()).toContain("[CRU_CONFIG_INVALID]");
  });

  test("that finds something else where its socket should be says so", async () => {
    const user = await crucibleUser();
    user.write("run/crucible/daemon.sock", "not a socket");
    const { answer, exited } = await firstAnswer(user);
    expect(answer.error.data.code).toBe("CRU_SOCKET_UNUSABLE");
    expect((await exited)[0]).toBe(3);
  });

  test("because the state folder cannot be made is told without one", async () => {
    const user = await crucibleUser();
    user.write("state/crucible", "a file where a folder should be");
    const { answer, exited } = await firstAnswer(user);
    expect(answer.error.data.code).toBe("CRU_DAEMON_START");
    expect((await exited)[0]).toBe(3);
  });
});

describe("the configuration of a daemon in the background", () => {
  const readable = '[acp.agents.mine]\nextends = "claude"\n';

  test("is never that of the opened project", async () => {
    const user = await crucibleUser();
    user.write("kiln/crucible.toml", 'this is not TOML, and names [server] socket = "/elsewhere"');
    const { process, exited } = await firstAnswer(user);
    expect((await statusOf(user, ["--socket", user.socketPath])).configFile).toBeNull();
    process.stdin.end();
    await exited;
  });

  test.each([
    ["--config, relative to the editor's directory", ["--config", "own.toml"], {}],
    ["$CRUCIBLE_CONFIG, relative to the editor's directory", [], { CRUCIBLE_CONFIG: "own.toml" }],
  ])("is that of %s", async (_name, args, env) => {
    const user = await crucibleUser();
    const file = user.write("kiln/own.toml", readable);
    const { process, exited } = await firstAnswer(user, args, env);
    expect((await statusOf(user)).configFile).toBe(file);
    process.stdin.end();
    await exited;
  });

  test("says where the socket is, for the daemon and for all who look for it", async () => {
    const user = await crucibleUser();
    user.write("home/.config/crucible/crucible.toml", '[server]\nsocket = "~/own.sock"\n');
    const { process, exited } = await firstAnswer(user);
    expect((await statusOf(user)).socket).toBe(`${user.folder}/home/own.sock`);
    process.stdin.end();
    await exited;
  });
});

test("delegate starts the daemon too", async () => {
  const user = await crucibleUser();
  const { code, stderr, stdout } = await user.run(["delegate", "nobody", "anything"]);
  expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
  expect(stderr).toContain("started the daemon in the background");
  expect(stderr).toContain('error: no agent is called "nobody"');
  expect(stderr).toContain("[CRU_DELEGATION_TARGET_UNKNOWN]");
});

test("a command that needs a daemon and may not start one says so with exit code 3", async () => {
  const user = await crucibleUser();
  for (const args of [["status"], ["ps"], ["stop"], ["delegate", "a", "b", "--no-autostart"]]) {
    const { code, stderr, stdout } = await ended(user.start(args));
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("[CRU_DAEMON_UNREACHABLE]\n\nhint: ");
  }
});
