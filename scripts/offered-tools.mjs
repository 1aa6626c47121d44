// Asks a real daemon which tools an agent is offered: opens a session as an editor would, on an agent that only tells which
// MCP server it was given, and lists what that server has. Also is that agent, when it is started with `--as-agent`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const crucible = join(import.meta.dirname, "..", "bin", "crucible.js");
const asAgent = "--as-agent";

/**
 * The tools in the list of a root session, for each profile.
 * @param {string} config text of a crucible.toml whose profiles run `agentLines`
 * @param {string[]} profiles
 * @returns {Promise<Map<string, { name: string, title: string, description: string, inputSchema: object }[]>>}
 */
export async function offeredTools(config, profiles) {
  const folder = await mkdtemp(join(tmpdir(), "crucible-tools-"));
  const file = join(folder, "crucible.toml");
  const env = {
    ...process.env,
    HOME: folder,
    XDG_STATE_HOME: folder,
    XDG_CONFIG_HOME: folder,
    XDG_RUNTIME_DIR: folder,
  };
  delete env.CRUCIBLE_CONFIG;
  await writeFile(file, config);
  const daemon = spawn(process.execPath, [crucible, "serve", "--config", file], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(daemon, "exit");
  try {
    await untilReady(daemon);
    const lists = new Map();
    for (const profile of profiles) lists.set(profile, await toolsOf(profile, { env, folder }));
    return lists;
  } finally {
    daemon.kill("SIGTERM");
    await exited;
    await rm(folder, { recursive: true, force: true });
  }
}

/** The lines of a profile that runs this file as its agent. */
export const agentLines = [
  `command = ${JSON.stringify(process.execPath)}`,
  `args = [${JSON.stringify(import.meta.filename)}, "${asAgent}"]`,
].join("\n");

function untilReady(daemon) {
  let said = "";
  return new Promise((resolve, reject) => {
    daemon.stderr.setEncoding("utf8").on("data", (text) => {
      said += text;
      if (said.includes("listening on unix:")) resolve();
    });
    daemon.once("exit", () => reject(new Error(`the daemon did not start:\n${said}`)));
  });
}

async function toolsOf(profile, { env, folder }) {
  const editor = connect(process.execPath, [crucible, "acp", "--agent", profile, "--no-autostart"], env);
  try {
    await editor.request("initialize", { protocolVersion: 1, clientCapabilities: {} });
    const { _meta } = await editor.request("session/new", { cwd: folder, mcpServers: [] });
    const [server] = _meta.mcpServers;
    if (!server) return [];
    const variables = Object.fromEntries(server.env.map(({ name, value }) => [name, value]));
    const tools = connect(server.command, server.args, { ...env, ...variables });
    try {
      const clientInfo = { name: "crucible-reference", version: "0" };
      await tools.request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
      tools.notify("notifications/initialized");
      return (await tools.request("tools/list", {})).tools;
    } finally {
      await tools.close();
    }
  } finally {
    await editor.close();
  }
}

/** JSON-RPC over the standard streams of a program: just enough to ask. */
function connect(command, args, env) {
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const waiting = new Map();
  let lastId = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, result, error } = JSON.parse(line);
    waiting.get(id)?.(error ? Promise.reject(new Error(error.message)) : result);
  });
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  return {
    request(method, params) {
      const id = ++lastId;
      send({ id, method, params });
      return new Promise((resolve) => waiting.set(id, resolve));
    },
    notify: (method) => send({ method }),
    async close() {
      child.stdin.end();
      await exited;
    },
  };
}

/** An agent that answers what it must, and tells in the answer to session/new which MCP servers it was given. */
function beAgent() {
  const answers = {
    initialize: () => ({ protocolVersion: 1, agentCapabilities: {} }),
    "session/new": ({ mcpServers }) => ({ sessionId: "only", _meta: { mcpServers } }),
  };
  createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) return;
    const answer = answers[method]?.(params);
    const body = answer ? { result: answer } : { error: { code: -32601, message: "method not found" } };
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...body })}\n`);
  });
}

if (process.argv[2] === asAgent) beAgent();
