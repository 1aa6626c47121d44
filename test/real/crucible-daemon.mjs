/**
 * A Crucible daemon of the test's own: folders that nothing else uses, a crucible.toml with a profile for each real
 * agent, `crucible serve` in the foreground, and `crucible acp` as an editor would start it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { bareEnv } from "./agent-home.mjs";
import { openEditor } from "./editor.mjs";

export const crucible = fileURLToPath(new URL("../../bin/crucible.js", import.meta.url));

/** Profiles are not named like the built-in ones, so that `extends` says plainly what they build on. */
export const profileName = (agentName) => `real-${agentName}`;

/**
 * @typedef {{ agent: import("./agents.mjs").AgentUnderTest, command: string, home: string, env: Record<string, string> }} Profile
 * @param {{ root: string, runtimeDir: string, profiles: Profile[], settings?: string, env?: Record<string, string> }} place
 *   `runtimeDir` is short: sockets have short paths; `settings` = TOML besides the profiles; `env` = variables of the daemon
 */
export async function startDaemon({ root, runtimeDir, profiles, settings = "", env: more = {} }) {
  const config = join(root, "crucible.toml");
  const socket = join(runtimeDir, "daemon.sock");
  const env = {
    ...bareEnv(),
    HOME: join(root, "crucible-home"),
    XDG_CONFIG_HOME: join(root, "crucible-home", ".config"),
    XDG_STATE_HOME: join(root, "crucible-state"),
    XDG_RUNTIME_DIR: runtimeDir,
    ...more,
  };
  for (const folder of [env.HOME, env.XDG_STATE_HOME]) await mkdir(folder, { recursive: true });
  await writeFile(config, [settings, ...profiles.map(profileToml)].join("\n"));

  const place = ["--config", config, "--socket", socket];
  const serve = spawn(process.execPath, [crucible, "serve", ...place], {
    env,
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  serve.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  const exited = once(serve, "exit");
  await untilReady(serve, () => said);

  return {
    config,
    pid: serve.pid,
    log: () => said,
    editor: (agentName, cwd) =>
      openEditor({ command: process.execPath, args: [crucible, "acp", "--agent", agentName, ...place], env, cwd }),
    /** The tools a session of this agent is offered, as an MCP client hears of them. */
    async offeredTools(agentName, cwd) {
      const client = new Client({ name: "crucible-test", version: "0" });
      const args = [crucible, "mcp", "--agent", profileName(agentName), ...place];
      await client.connect(new StdioClientTransport({ command: process.execPath, args, env, cwd, stderr: "ignore" }));
      try {
        return (await client.listTools()).tools;
      } finally {
        await client.close();
      }
    },
    /** What `crucible doctor` finds of this agent. @returns {Promise<import("../../src/control/finding.ts").Finding>} */
    async doctor(agentName) {
      const doctor = spawn(process.execPath, [crucible, "doctor", "--json", ...place], {
        env,
        cwd: root,
        stdio: ["ignore", "pipe", "ignore"],
      });
      let printed = "";
      doctor.stdout.setEncoding("utf8").on("data", (text) => (printed += text));
      await once(doctor, "close");
      return JSON.parse(printed).findings.find(({ subject }) => subject === profileName(agentName));
    },
    /** One delegation as from a terminal. @returns {Promise<import("../../src/base/delegation.ts").DelegationResult>} */
    async delegate(from, agentName, task, cwd) {
      const args = [crucible, "delegate", agentName, task, "--from", from, "--json", ...place];
      const delegate = spawn(process.execPath, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
      let [printed, told] = ["", ""];
      delegate.stdout.setEncoding("utf8").on("data", (text) => (printed += text));
      delegate.stderr.setEncoding("utf8").on("data", (text) => (told += text));
      await once(delegate, "close");
      if (printed === "") throw new Error(told);
      return JSON.parse(printed);
    },
    /** As a crash would; whoever needs a daemon after it starts one. */
    kill() {
      serve.kill("SIGKILL");
      return exited;
    },
    async stop() {
      const stop = spawn(process.execPath, [crucible, "stop", "--socket", socket], { env, cwd: root, stdio: "ignore" });
      await once(stop, "exit");
      const ended = await Promise.race([exited, sleep(20_000, undefined, { ref: false })]);
      if (!ended) throw new Error("the daemon was still running 20 s after `crucible stop`");
    },
  };
}

async function untilReady(serve, said) {
  const deadline = Date.now() + 30_000;
  while (!said().includes("listening on unix:")) {
    if (serve.exitCode !== null) throw new Error(`crucible serve ended with ${serve.exitCode}:\n${said()}`);
    if (Date.now() > deadline) throw new Error(`crucible serve was not ready after 30 s:\n${said()}`);
    await sleep(50);
  }
}

/** JSON strings are valid TOML strings; `$${` is Crucible's spelling of a plain `${`. */
const tomlText = (text) => JSON.stringify(text.replaceAll("${", "$${"));

/** @param {Profile} profile */
function profileToml({ agent, command, home, env }, _index, profiles) {
  const table = `acp.agents.${profileName(agent.name)}`;
  const targets = profiles.filter((other) => other.agent !== agent).map((other) => profileName(other.agent.name));
  const lines = [
    `[${table}]`,
    `extends = "${agent.name}"`,
    `command = ${tomlText(command)}`,
    `args = ${JSON.stringify(agent.args)}`,
    // Its settings lie where no agent would look for them by itself; a sandbox has to be told.
    `config_dirs = [${tomlText(home)}]`,
    `[${table}.env]`,
    ...Object.entries(env).map(([name, value]) => `${name} = ${tomlText(value)}`),
    `[${table}.delegation]`,
    "enabled = true",
    "max_depth = 2",
    `allowed_targets = ${JSON.stringify(targets)}`,
  ];
  return `${lines.join("\n")}\n`;
}
