/** `crucible doctor`: finds what is wrong, says what to do, and ends with 0 only if nothing is broken. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { expect, test } from "vitest";
import type { Finding } from "../../src/control/finding.ts";
import { createTestHome, scriptedProfile, startDaemon, type TestHome } from "../support/daemon.ts";

async function findings(home: TestHome): Promise<{ code: number | null; found: Finding[]; stderr: string }> {
  const { code, stdout, stderr } = await home.crucible(["doctor", "--json", ...home.place]);
  return { code, found: (JSON.parse(stdout) as { findings: Finding[] }).findings, stderr };
}

const of = (found: readonly Finding[], check: string): Finding[] => found.filter((finding) => finding.check === check);

test("all is well: a daemon that answers, an agent that opens a session, agents that nobody uses", async () => {
  await using daemon = await startDaemon({ config: scriptedProfile("worker") });
  const { code, found, stderr } = await findings(daemon.home);
  expect(found.filter(({ state }) => state === "broken")).toEqual([]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(of(found, "config")).toMatchObject([{ subject: daemon.home.configFile, state: "ok" }]);
  expect(of(found, "daemon")).toMatchObject([{ state: "ok", message: expect.stringContaining(`pid ${daemon.pid}`) }]);
  expect(of(found, "agents").find(({ subject }) => subject === "worker")).toMatchObject({
    state: "ok",
    message: expect.stringMatching(/^Scripted agent 1\.0\.0, starts in .*, takes MCP servers over stdio, http$/),
  });
  expect(of(found, "agents").find(({ subject }) => subject === "gemini")).toMatchObject({ state: "ok" });
  expect(of(found, "sandbox").length).toBeGreaterThan(0);
  const { stdout } = await daemon.crucible(["doctor", ...daemon.home.place]);
  expect(stdout).toMatch(/\n(all is well|nothing is broken; .*)\n$/);
});

test("whether Crucible's tools reach an agent, over HTTP and over stdio, without a word to its model", async () => {
  const delegation = "enabled = true";
  const config = [
    scriptedProfile("over-http", { flags: ["--mcp-eager"], delegation }),
    scriptedProfile("over-stdio", { flags: ["--mcp-eager", "--mcp", "stdio"], delegation }),
    scriptedProfile("late", { delegation }),
  ].join("\n");
  await using home = await createTestHome(config);
  const { code, found } = await findings(home);
  expect(code).toBe(0);
  const told = Object.fromEntries(of(found, "agents").map((finding) => [finding.subject, finding]));
  expect(told["over-http"]).toMatchObject({ state: "ok", message: expect.stringContaining("tools reach it (http)") });
  expect(told["over-stdio"]).toMatchObject({ state: "ok", message: expect.stringContaining("tools reach it (stdio)") });
  expect(told["late"]).toMatchObject({
    state: "warning",
    message: expect.stringContaining("did not ask for Crucible's tools within 5"),
    remedy: expect.stringContaining("first prompt"),
  });
});

test("an agent that is told to use what its sandbox does not show is a warning, with what to open", async () => {
  const missed = join(import.meta.dirname, "no-such.log");
  await using home = await createTestHome(scriptedProfile("told", { env: { LOG: missed } }));
  const { code, found } = await findings(home);
  expect(code).toBe(0);
  expect(of(found, "agents").find(({ subject }) => subject === "told")).toMatchObject({
    state: "warning",
    message: expect.stringContaining(`${missed}, which its variable LOG names, lies where it can only read`),
    remedy: expect.stringContaining("under read or write of [kiln]"),
  });
});

test("an agent that does not start is broken, one that wants a sign-in a warning, one that is missing and used broken", async () => {
  const config = [
    scriptedProfile("dies", { flags: ["--exit-at", "initialize"] }),
    scriptedProfile("shy", { flags: ["--auth-required"] }),
    '[acp.agents.gone]\ncommand = "no-such-program"',
    '[acp.agents.mine]\nextends = "gemini"',
  ].join("\n");
  await using home = await createTestHome(config);
  const { code, found } = await findings(home);
  expect(code).toBe(5);
  const states = Object.fromEntries(of(found, "agents").map(({ subject, state }) => [subject, state]));
  expect(states).toMatchObject({ dies: "broken", shy: "warning", gone: "broken", mine: "broken", codex: "ok" });
  expect(of(found, "agents").find(({ subject }) => subject === "shy")?.message).toContain("sign in");
  for (const { state, remedy } of of(found, "agents")) if (state !== "ok") expect(remedy).toBeTruthy();
});

test("a configuration with a mistake is broken, exit code 4, and the rest is looked at all the same", async () => {
  await using home = await createTestHome("[server]\nlog_lvel = 3\n");
  const { code, found } = await findings(home);
  expect(code).toBe(4);
  expect(of(found, "config")).toMatchObject([{ state: "broken", message: expect.stringContaining("log_lvel") }]);
  expect(of(found, "state")).toHaveLength(1);
  expect(of(found, "agents")).toEqual([]);
});

test("the store of a later release is not called damaged: it is told how to come back to it", async () => {
  await using home = await createTestHome("");
  mkdirSync(home.stateDirectory, { mode: 0o700 });
  for (const name of ["crucible.db", "crucible.db.damaged-1"]) {
    const database = new Database(join(home.stateDirectory, name));
    database.exec("PRAGMA user_version = 9999");
    database.close();
  }
  const { found } = await findings(home);
  expect(of(found, "state").filter(({ subject }) => subject.includes("crucible.db"))).toMatchObject([
    { state: "broken", message: expect.stringContaining("later release"), remedy: expect.stringContaining("use that") },
    {
      state: "warning",
      message: expect.stringContaining("later release"),
      remedy: expect.stringContaining("rename it"),
    },
  ]);
});

test("a state folder that others can change is broken, and so is a store that is damaged", async () => {
  await using home = await createTestHome("");
  mkdirSync(home.stateDirectory, { mode: 0o700 });
  chmodSync(home.stateDirectory, 0o777);
  writeFileSync(join(home.stateDirectory, "crucible.db"), "this is no database, and never was one".repeat(200));
  const { code, found } = await findings(home);
  expect(code).toBe(5);
  const broken = of(found, "state").filter(({ state }) => state === "broken");
  expect(broken).toMatchObject([
    { subject: home.stateDirectory, remedy: expect.stringContaining("chmod 700") },
    { subject: join(home.stateDirectory, "crucible.db") },
  ]);
});

test("a state folder that cannot be made is told by whatever needs it, and no bug", async () => {
  await using home = await createTestHome(scriptedProfile("worker"));
  const file = join(home.folder, "file");
  writeFileSync(file, "");
  const options = { env: { XDG_STATE_HOME: file } };
  const told = expect.stringMatching(`${file}/crucible.*ENOTDIR`) as string;
  const { code, stdout, stderr } = await home.crucible(["doctor", "--json", ...home.place], options);
  expect({ code, stderr }).toEqual({ code: 5, stderr: "" });
  const { findings: found } = JSON.parse(stdout) as { findings: Finding[] };
  for (const check of ["sandbox", "agents"])
    expect(of(found, check)).toMatchObject([{ state: "broken", message: told, remedy: expect.any(String) }]);
  for (const args of [["serve"], ["delegate", "worker", "x"], ["agents", "--probe"]]) {
    const place = args[0] === "agents" ? ["--config", home.configFile] : home.place;
    const failed = await home.crucible([...args, ...place], options);
    expect({ args, code: failed.code, stderr: failed.stderr }).toEqual({ args, code: 3, stderr: told });
  }
});

test("a daemon that refuses the doctor is a finding, and the rest is looked at", async () => {
  await using daemon = await startDaemon({ config: scriptedProfile("worker") });
  rmSync(`${daemon.home.socket}.key`);
  const { code, found, stderr } = await findings(daemon.home);
  expect({ code, stderr }).toEqual({ code: 5, stderr: "" });
  const told = { state: "broken", message: expect.stringMatching(/^the key of this socket was not shown[^\n]*$/) };
  expect(of(found, "daemon")).toMatchObject([{ ...told, remedy: expect.stringContaining("same release") }]);
  expect(of(found, "agents").length).toBeGreaterThan(0);
});
