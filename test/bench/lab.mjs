/**
 * Where the measures run: a folder of their own, a daemon with profiles for the scripted agent, and ways to reach that agent
 * directly and through Crucible.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openDriver } from "./driver.mjs";

const crucibleProgram = fileURLToPath(new URL("../../bin/crucible.js", import.meta.url));
const scriptedAgent = fileURLToPath(new URL("../agents/scripted.mjs", import.meta.url));

/** More than any measure starts at once. */
export const maxAgents = 500;

/** The most that one session may have running at once. */
export const delegationsPerParent = 100;

const profile = (name) => `[acp.agents.${name}]
command = ${JSON.stringify(process.execPath)}
args = ${JSON.stringify([scriptedAgent])}
startup_timeout_seconds = 300
`;

/** All are the scripted agent: a parent, its child, and for the sandbox a child without and a parent with it. */
const config = `[server]
max_agents = ${maxAgents}

${["parent", "child", "freeChild", "heldParent"].map(profile).join("\n")}
[acp.agents.parent.delegation]
enabled = true
max_concurrent_delegations = ${delegationsPerParent}

[acp.agents.freeChild.sandbox]
mode = "off"

[acp.agents.heldParent.sandbox]
applies_to = "all"
`;

export function openLab() {
  const folder = mkdtempSync(join(tmpdir(), "cru-bench-"));
  const cwd = join(folder, "kiln");
  const configFile = join(folder, "crucible.toml");
  const socket = join(folder, "run", "daemon.sock");
  const place = ["--config", configFile, "--socket", socket];
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, "config"),
    XDG_STATE_HOME: join(folder, "state"),
    XDG_RUNTIME_DIR: join(folder, "run"),
  };
  mkdirSync(cwd);
  mkdirSync(join(folder, "run"), { mode: 0o700 });
  writeFileSync(configFile, config);
  let daemon;

  const crucible = (...args) => ({ command: process.execPath, args: [crucibleProgram, ...args, ...place], env, cwd });

  return {
    cwd,
    /** The scripted agent as a child of this process. */
    direct: () => openDriver({ command: process.execPath, args: [scriptedAgent], env, cwd }),
    /** The scripted agent through `crucible acp` and the daemon. */
    through: (agent = "parent") => openDriver(crucible("acp", "--agent", agent)),
    /** A command of crucible, run to its end; gives its stdout. */
    run: (...args) => run(crucible(...args)),

    async startDaemon() {
      daemon = await serve(crucible("serve"));
    },
    async stopDaemon() {
      daemon.process.kill("SIGTERM");
      await daemon.exited;
      daemon = undefined;
    },
    /** Resident memory of the daemon in MiB (VmRSS, proc(5)). */
    daemonMiB: () => residentMiB(daemon.process.pid),

    async close() {
      if (daemon) await this.stopDaemon();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function serve({ command, args, env, cwd }) {
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr = (stderr + text).slice(-8000)));
  while (!stderr.includes("listening on unix:")) {
    if (child.exitCode !== null) throw new Error(`crucible serve ended with ${child.exitCode}:\n${stderr}`);
    await pause(10);
  }
  return { process: child, exited };
}

async function run({ command, args, env, cwd }) {
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (output.stderr += text));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`crucible ${args.slice(1).join(" ")} ended with ${code}:\n${output.stderr}`);
  return output.stdout;
}

function residentMiB(pid) {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}
