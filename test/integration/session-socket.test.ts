/** The daemon's socket and its end: who may open it, who else may serve it, and what is left when it goes. */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { createTestHome, scriptedProfile, serve, startDaemon } from "../support/daemon.ts";
import { control, delegateLine, inKiln, openParent, script } from "./delegating.ts";

const parentProfile = scriptedProfile("parent", { delegation: "enabled = true" });
const worker = scriptedProfile("worker");
const config = [parentProfile, worker].join("\n");

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("the socket", () => {
  test("is the user's alone, in a folder that is the user's alone; so is the state", async () => {
    // The default place, which the daemon makes itself, under the widest umask there is.
    await using home = await createTestHome(config);
    const before = process.umask(0);
    try {
      home.env["XDG_RUNTIME_DIR"] = `${home.folder}/fresh`;
      const socket = `${home.folder}/fresh/crucible/daemon.sock`;
      Object.assign(home, { socket });
      await using daemon = await serve(home);
      expect(daemon.stderr).toContain(`listening on unix:${socket}`);
      expect(lstatSync(socket).isSocket()).toBe(true);
      expect(modeOf(socket)).toBe(0o600);
      expect(modeOf(dirname(socket))).toBe(0o700);
      expect(modeOf(home.stateDirectory)).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  test("is gone after a graceful end", async () => {
    await using daemon = await startDaemon({ config });
    expect(existsSync(daemon.home.socket)).toBe(true);
    await daemon.stop();
    expect(existsSync(daemon.home.socket)).toBe(false);
  });

  test("a second daemon is refused with the pid of the first, which serves on", async () => {
    await using daemon = await startDaemon({ config });
    const second = await daemon.crucible(["serve", ...daemon.home.place]);
    expect(second.code).toBe(3);
    expect(second.stdout).toBe("");
    expect(second.stderr).toMatch(new RegExp(`^error: .*pid ${daemon.pid}\\b.*\\[CRU_DAEMON_RUNNING\\]`, "m"));
    expect(second.stderr).toMatch(/^hint: /m);
    await using parent = await openParent(daemon, "parent");
    expect((await parent.prompt("say alive")).text).toBe("alive");
  });

  test("of two that start at once exactly one serves", async () => {
    await using home = await createTestHome(config);
    const outcomes = await Promise.allSettled([serve(home), serve(home), serve(home)]);
    const serving = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    try {
      expect(serving).toHaveLength(1);
      const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []));
      for (const reason of refused) expect(reason).toContain("CRU_DAEMON_RUNNING");
    } finally {
      for (const daemon of serving) await daemon.stop();
    }
  });

  test("left by a daemon that was killed, it is taken over, and what that one had started is ended", async () => {
    await using home = await createTestHome(config);
    const first = await serve(home);
    const parent = await openParent(first, "parent");
    const turn = parent.startTurn(
      delegateLine({ agent: "worker", task: script("spawn-grandchild setsid", "touch killed.began", "hang-hard") }),
    );
    await until(() => existsSync(inKiln(first, "killed.began")), { what: "the child to begin" });
    first.kill("SIGKILL");
    await first.exited();
    expect(existsSync(home.socket)).toBe(true);
    expect((await turn.answer()).error?.data).toMatchObject({ code: "CRU_DAEMON_LOST" });

    await using second = await serve(home);
    await until(() => home.processes().every((pid) => pid === second.pid || pid === parent.editor.pid), {
      what: "the leftovers to be ended",
    });
    await using again = await openParent(second, "parent");
    expect(await again.delegate({ agent: "worker", task: "say anew" })).toMatchObject({ result: "anew" });
    await parent.editor.end();
  });

  test("a socket that nobody ever served is taken over too", async () => {
    await using home = await createTestHome(config);
    // A socket file that outlives its listener, as after a crash of something else.
    const leave = `require("net").createServer().listen(${JSON.stringify(home.socket)}, () => process.kill(process.pid, "SIGKILL"))`;
    expect(() => execFileSync(process.execPath, ["-e", leave], { stdio: "ignore" })).toThrow();
    expect(lstatSync(home.socket).isSocket()).toBe(true);
    await using daemon = await serve(home);
    await using parent = await openParent(daemon, "parent");
    expect((await parent.prompt("say fine")).text).toBe("fine");
  });

  test("a file of somebody's in its place is not removed", async () => {
    await using home = await createTestHome(config);
    await writeFile(home.socket, "precious");
    const { code, stderr } = await home.crucible(["serve", ...home.place]);
    expect(code).toBe(3);
    expect(stderr).toContain("CRU_SOCKET_UNUSABLE");
    expect(statSync(home.socket).size).toBe("precious".length);
    await rm(home.socket);
  });

  test("a live socket that is not a daemon's is not taken from its owner", async () => {
    await using home = await createTestHome(config);
    const owner = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => owner.listen(home.socket, resolve));
    const { code, stderr } = await home.crucible(["serve", ...home.place]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/CRU_(SOCKET_UNUSABLE|DAEMON_RUNNING)/);
    const reachable = new Promise<boolean>((resolve) => {
      const socket = connect(home.socket);
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    expect(await reachable).toBe(true);
    await new Promise((resolve) => owner.close(resolve));
  });

  test("a caller that says nothing, nonsense, or too much is hung up on, and the daemon serves on", async () => {
    await using daemon = await startDaemon({ config });
    for (const nonsense of [
      "GET / HTTP/1.1\r\n\r\n",
      "{}\n",
      "\n",
      '{"crucible":{"protocol":1,"door":"cellar"}}\n',
      "x".repeat(20_000),
    ]) {
      const socket = connect(daemon.home.socket);
      socket.on("error", () => {});
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write(nonsense);
      await closed;
    }
    using door = await control(daemon);
    expect(await door.request("status", {})).toMatchObject({ pid: daemon.pid });
  });
});

test("SIGTERM ends the whole tree and says how many agents it ends; editors are told", async () => {
  await using daemon = await startDaemon({ config });
  const parent = await openParent(daemon, "parent");
  const turn = parent.startTurn(delegateLine({ agent: "worker", task: script("touch term.began", "hang") }));
  await until(() => existsSync(inKiln(daemon, "term.began")), { what: "the child to begin" });
  await daemon.stop();
  await until(() => daemon.stderr.includes("ending 2 agents"), { what: "the notice" });
  expect((await turn.answer()).error?.message).toContain("send your message again");
  await parent.editor.end();
  await daemon.assertNothingLeft();
});

test("a second signal ends it at once, and still leaves nothing behind", async () => {
  const stubborn = scriptedProfile("stubborn", { flags: ["--ignore-sigterm", "--ignore-eof"] });
  const graceMs = 40_000;
  const limits = `[limits]\ngrace_seconds = ${graceMs / 1000}`;
  await using daemon = await startDaemon({ config: [config, stubborn, limits].join("\n") });
  const parent = await openParent(daemon, "parent");
  parent.startTurn(
    delegateLine({ agent: "stubborn", task: script("spawn-grandchild setsid", "touch two.began", "hang-hard") }),
  );
  await until(() => existsSync(inKiln(daemon, "two.began")), { what: "the child to begin" });
  daemon.kill("SIGTERM");
  await until(() => daemon.stderr.includes("a second signal ends at once"), { what: "the notice" });
  daemon.kill("SIGINT");
  await daemon.exited({ timeoutMs: graceMs / 2 });
  await parent.editor.end();
  await until(() => daemon.home.processes().length === 0, { what: "everything to be gone", timeoutMs: graceMs / 2 });
});
