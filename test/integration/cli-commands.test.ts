/** The commands of the command line, as a person or a script sees them: output, errors, exit codes. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { DaemonStatus } from "../../src/control/methods.ts";
import { programVersion } from "../../src/base/version.ts";
import { commandTable } from "../../src/cli/command-table.ts";
import { crucibleUser, ended } from "../support/command-line.ts";
import { until } from "../support/conditions.ts";
import { checkout, scriptedProfile, startDaemon } from "../support/daemon.ts";
import { isAlive } from "../support/processes.ts";

const broken = `[acp.agents.mine]
extnds = "claude"

[server]
log_level = "loud"
`;

describe("help", () => {
  test("without a command goes to stderr, exit code 2, and names every command", async () => {
    const user = await crucibleUser();
    const { code, stdout, stderr } = await user.run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const { name } of commandTable) expect(stderr).toContain(`\n  ${name.split(" ")[0]} `);
    expect(stderr).not.toContain("--terminal-auth");
  });

  test("and version are data wherever they are asked for", async () => {
    const user = await crucibleUser();
    for (const words of [[], ["serve"], ["acp"], ["config"], ["config", "show"]]) {
      expect(await user.run([...words, "--version"])).toMatchObject({
        code: 0,
        stdout: `${programVersion()}\n`,
        stderr: "",
      });
      const { code, stdout, stderr } = await user.run([...words, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain(`Usage: crucible${words.map((word) => ` ${word}`).join("")} [options]`);
    }
  });

  test("is what a wrong command line is pointed to, exit code 2", async () => {
    const user = await crucibleUser();
    const { code, stdout, stderr } = await user.run(["acp", "--agnet", "x"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      "error: unknown option '--agnet'; did you mean --agent? [CRU_USAGE]\n\nhint: see `crucible acp --help`\n",
    );
  });
});

describe("config", () => {
  test("check names every problem with its place, exit code 4", async () => {
    const user = await crucibleUser();
    const file = user.write("kiln/broken.toml", broken);
    const { code, stdout, stderr } = await user.run(["config", "check", "--config", "broken.toml"]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(stderr).toMatch(/^error: \d problems in .*broken\.toml \[CRU_CONFIG_INVALID\]\n\n/);
    expect(stderr).toContain(`${file}:2:1: unknown key "extnds" in [acp.agents.mine]; did you mean "extends"?`);
    expect(stderr).toContain('2 | extnds = "claude"\n  | ^^^^^^\n');
    expect(stderr).toContain(`${file}:5:13: log_level: expected`);
    expect(stderr).toMatch(/\n\nhint: .+\n$/);
    const json = await user.run(["config", "check", "--config", "broken.toml", "--json"]);
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code, stderr });
    const places = [expect.objectContaining({ line: 2, column: 1 }), expect.objectContaining({ line: 5, column: 13 })];
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      error: { code: "CRU_CONFIG_INVALID", file, problems: expect.arrayContaining(places) },
    });
  });

  test("check takes ./crucible.toml as a daemon started here by hand would, and says which file is right", async () => {
    const user = await crucibleUser();
    const file = user.write("kiln/crucible.toml", '[acp.agents.mine]\nextends = "claude"\n');
    expect(await user.run(["config", "check"])).toEqual({ code: 0, signal: null, stdout: `ok: ${file}\n`, stderr: "" });
    const { stdout } = await user.run(["config", "check", "--json"]);
    expect(JSON.parse(stdout)).toEqual({ ok: true, file });
  });

  test("show tells where each value comes from, and no secret", async () => {
    const user = await crucibleUser();
    const file = user.write(
      "mine.toml",
      '[acp.agents.mine]\nextends = "claude"\n[acp.agents.mine.env]\nAPI_KEY = "hush"\n',
    );
    const { code, stdout } = await user.run(["config", "show", "--config", file]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^# ${file}\n`));
    expect(stdout).toMatch(new RegExp(`\nacp.agents.mine.extends = "claude" +# ${file}:2\n`));
    expect(stdout).toMatch(/\nacp.agents.mine.command = "claude-agent-acp" +# built-in claude\n/);
    expect(stdout).toMatch(/\nacp.npx = false +# default\n/);
    expect(stdout).toMatch(/\n#acp.default_agent = +# not set\n/);
    expect(stdout).not.toContain("hush");
    const json = JSON.parse((await user.run(["config", "show", "--config", file, "--json"])).stdout) as object;
    expect(json).toMatchObject({
      file,
      values: expect.arrayContaining([{ key: "acp.npx", value: false, origin: "default" }]),
    });
  });

  test("schema is a JSON Schema", async () => {
    const user = await crucibleUser();
    const { code, stdout } = await user.run(["config", "schema"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ $schema: expect.stringContaining("json-schema.org"), type: "object" });
  });
});

describe("agents", () => {
  const config =
    scriptedProfile("ready") +
    scriptedProfile("mute", { settings: "startup_timeout_seconds = 0.5", flags: ["--no-initialize"] }) +
    '[acp.agents.absent]\ncommand = "no-such-program-anywhere"\n';

  test("lists every profile with where it comes from, and how to install what is missing", async () => {
    const user = await crucibleUser();
    const file = user.write("agents.toml", config);
    const { code, stdout, stderr } = await user.run(["agents", "--config", file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^NAME +FROM +PROGRAM\n/);
    expect(stdout).toMatch(/\ncursor +built-in +not found; install it: curl .*\n/);
    expect(stdout).toMatch(new RegExp(`\nready +own +${process.execPath}\n`));
    expect(stdout).toMatch(/\nabsent +own +not found\n/);
  });

  test("with --probe starts them, and tells what they can do or why they do not start", async () => {
    const user = await crucibleUser();
    const file = user.write("agents.toml", config);
    const { code, stdout } = await user.run(["agents", "--probe", "--config", file]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nready +own +\S+ +stdio http +[\d.]+ m?s +[\d.]+ MiB +\//);
    expect(stdout).toMatch(/\nmute\n {2}error: agent mute did not answer initialize within 500 ms/);
    const json = JSON.parse((await user.run(["agents", "--probe", "--json", "--config", file])).stdout) as Report;
    const ready = json.agents.find(({ name }) => name === "ready");
    expect(ready?.probe).toMatchObject({ protocolVersion: 1, mcp: ["stdio", "http"] });
  });

  test("with --probe starts them as children are started: in the sandbox, or not at all", async () => {
    const user = await crucibleUser();
    const unheld = `${scriptedProfile("unheld")}[acp.agents.unheld.sandbox]\nmode = "seatbelt"\n`;
    const free = `${scriptedProfile("free")}[acp.agents.free.sandbox]\nmode = "off"\n`;
    const listed = '[kiln]\nnetwork = ["example.com"]\n';
    const file = user.write("held.toml", `${scriptedProfile("held")}${unheld}${free}${listed}`);
    const { stdout } = await user.run(["agents", "--probe", "--config", file]);
    expect(stdout).toMatch(/\nheld\n(?: {2}.*\n)* {2}held by: bwrap, full\n/);
    expect(stdout).toMatch(/\nfree\n(?: {2}.*\n)* {2}held by: none, advisory; not held: everything/);
    expect(stdout).toMatch(/\nunheld\n {2}error: unheld was not started: no sandbox of seatbelt holds here/);
  });
});

interface Report {
  agents: { name: string; probe: object | null }[];
}

describe("with a daemon", () => {
  test("serve says where it listens, in one line on stderr; nothing on stdout", async () => {
    await using daemon = await startDaemon({ config: "" });
    expect(daemon.stderr.split("\n").filter((line) => line === `listening on unix:${daemon.home.socket}`)).toHaveLength(
      1,
    );
    expect(daemon.stdout).toBe("");
  });

  test("a second serve on the same socket is refused, with the pid of the first", async () => {
    await using daemon = await startDaemon({ config: "" });
    const { code, stderr } = await daemon.crucible(["serve", ...daemon.home.place]);
    expect(code).toBe(3);
    expect(stderr).toContain(`error: a daemon with pid ${daemon.pid} already serves`);
    expect(stderr).toContain("[CRU_DAEMON_RUNNING]\n\nhint: ");
  });

  test("status tells the facts, for people and for scripts", async () => {
    await using daemon = await startDaemon({ config: "" });
    const place = ["--socket", daemon.home.socket];
    const { code, stdout } = await daemon.crucible(["status", ...place]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^pid +${daemon.pid}$`, "m"));
    expect(stdout).toMatch(new RegExp(`^socket +unix:${daemon.home.socket}$`, "m"));
    const facts = JSON.parse((await daemon.crucible(["status", "--json", ...place])).stdout) as DaemonStatus;
    expect(facts).toMatchObject({ pid: daemon.pid, version: programVersion(), configFile: daemon.home.configFile });
    expect(facts.uptimeMs).toBeGreaterThan(0);
    expect(facts.limits).toEqual([
      { name: "max_agents", used: 0, most: 32 },
      { name: "connections", used: 1, most: 1000 },
    ]);
  });

  test("ps shows the sessions as a tree, and says so when there is none", async () => {
    await using daemon = await startDaemon({ config: scriptedProfile("worker") });
    const place = ["--socket", daemon.home.socket];
    expect(await daemon.crucible(["ps", ...place])).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "no sessions are open\n",
    });
    await using editor = daemon.editor("worker");
    await editor.initialize();
    const session = await editor.newSession(daemon.kiln);
    const { stdout } = await daemon.crucible(["ps", ...place]);
    expect(stdout).toMatch(/^AGENT +STATE +/);
    expect(stdout).toMatch(new RegExp(`\nworker +idle +\\(editor\\) .*${session} +${daemon.kiln}\n`));
    const { roots } = JSON.parse((await daemon.crucible(["ps", "--json", ...place])).stdout) as { roots: object[] };
    expect(roots).toMatchObject([{ sessionId: session, agent: "worker", origin: "editor", children: [] }]);
  });

  test("stop ends it, and does not return before it is gone", async () => {
    await using daemon = await startDaemon({ config: "" });
    const { code, stdout, stderr } = await daemon.crucible(["stop", "--socket", daemon.home.socket]);
    expect(isAlive(daemon.pid)).toBe(false);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "",
      stderr: `the daemon (pid ${daemon.pid}) has ended\n`,
    });
  });
});

test("a directory that is gone, and a socket that is none, are told as what they are", async () => {
  const user = await crucibleUser();
  const program = join(checkout, "bin/crucible.js");
  const fromGone = spawnSync(
    "sh",
    ["-c", 'cd "$1" && rmdir "$1" && exec "$2" "$3" status', "sh", user.project, process.execPath, program],
    {
      env: { PATH: process.env["PATH"] ?? "", HOME: user.folder },
      encoding: "utf8",
    },
  );
  expect(fromGone.stderr).toMatch(/^error: the directory this was started in does not exist any more \[CRU_USAGE\]/);
  expect(fromGone.status).toBe(2);
  const file = user.write("plain", "");
  const { code, stderr } = await user.run(["status", "--socket", file], { cwd: user.folder });
  expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining(`${file}: what is there is no socket`) });
});

test("a daemon whose standard error cannot be written goes on", async () => {
  const user = await crucibleUser();
  const program = join(checkout, "bin/crucible.js");
  const serving = spawn(
    "sh",
    ["-c", 'exec "$1" "$2" serve --log-level trace 2>/dev/full', "sh", process.execPath, program],
    {
      cwd: user.project,
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: join(user.folder, "home"),
        SHELL: "/bin/false",
        XDG_STATE_HOME: join(user.folder, "state"),
        XDG_RUNTIME_DIR: join(user.folder, "run"),
      },
      stdio: "ignore",
    },
  );
  const ending = once(serving, "exit");
  await until(async () => (await user.run(["status"])).code === 0, { what: "the daemon to answer" });
  expect((await user.run(["ps"])).code).toBe(0);
  expect((await user.run(["stop"])).code).toBe(0);
  expect(await ending).toEqual([0, null]);
});

test("a reader that goes away is no error", async () => {
  const user = await crucibleUser();
  const child = user.start(["config", "schema"]);
  child.stdout.destroy();
  expect(await ended(child)).toMatchObject({ code: 0, stderr: "" });
});

test("the agent's own login runs in the terminal of who started `acp --terminal-auth`, with its exit code", async () => {
  const user = await crucibleUser();
  const agent = join(import.meta.dirname, "../agents/signs-in-with-a-terminal.mjs");
  const file = user.write(
    "c.toml",
    `[acp.agents.secret]\ncommand = ${JSON.stringify(process.execPath)}\nargs = ["${agent}"]\n`,
  );
  const child = user.start(["acp", "--agent", "secret", "--config", file, "--terminal-auth", "login"], {
    TERM: "vt52",
  });
  const output = ended(child);
  let heard = "";
  child.stdout.on("data", (text: string) => (heard += text));
  await until(() => heard.includes("logging in"), { what: "the login program" });
  child.stdin.write("Ada\n");
  const { code, stdout } = await output;
  expect({ code, stdout }).toEqual({ code: 7, stdout: "logging in at home, terminal vt52\nwelcome, Ada\n" });

  const wrong = await user.run(["acp", "--agent", "secret", "--config", file, "--terminal-auth", "logon"]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("hint: use login");
});

test("the demo delegates for real, tells what was written, and leaves nothing", async () => {
  const user = await crucibleUser();
  const child = user.start(["demo"], { TMPDIR: user.folder });
  const { code, stdout, stderr } = await ended(child);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain('planner    calls delegate_session: "Measure the notes" to demo-worker');
  expect(stdout.match(/worker [12] {3}done in/g)).toHaveLength(2);
  expect(stdout).toContain("| firing.md | 61 | 12 | 3 |");
  expect(stdout).toContain("- [ ] buy tin oxide, two kilograms (Marek), glazes.md:9");
  expect(readdirSync(user.folder).filter((name) => name.startsWith("crucible-demo"))).toEqual([]);
});

test("a demo that is interrupted ends with 130, and leaves nothing", async () => {
  const user = await crucibleUser();
  const child = user.start(["demo"], { TMPDIR: user.folder });
  let heard = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (heard += text));
  await until(() => heard.includes("worker 1"), { what: "a worker" });
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
  expect(readdirSync(user.folder).filter((name) => name.startsWith("crucible-demo"))).toEqual([]);
});
