/** A client of Crucible's tools in a few lines: over HTTP or over stdio, as the server was given (MCP 2025-06-18). */
import { spawn } from "node:child_process";
import { openWire } from "../scripted/wire.mjs";

const version = "2025-06-18";
const hello = { protocolVersion: version, capabilities: {}, clientInfo: { name: "attacker", version: "1" } };

/** Gives `call(name, args)`, which gives the whole result of a tool. */
export async function connectTools(server) {
  if (!server) throw new Error("this session was given no tools");
  return server.type === "http" ? overHttp(server) : overStdio(server);
}

async function overHttp({ url, headers }) {
  const base = {
    ...Object.fromEntries(headers.map(({ name, value }) => [name, value])),
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": version,
  };
  const post = (body, more = {}) =>
    fetch(url, { method: "POST", headers: { ...base, ...more }, body: JSON.stringify({ jsonrpc: "2.0", ...body }) });
  const opened = await post({ id: 0, method: "initialize", params: hello });
  if (!opened.ok) throw new Error(`HTTP ${opened.status} ${await opened.text()}`);
  await opened.text();
  const connection = { "mcp-session-id": opened.headers.get("mcp-session-id") };
  await post({ method: "notifications/initialized" }, connection);
  let lastId = 0;
  return {
    async call(name, args) {
      const id = ++lastId;
      const answer = await post({ id, method: "tools/call", params: { name, arguments: args } }, connection);
      return resultIn(await answer.text(), id);
    },
  };
}

/** JSON, or the one event among several that is the answer. */
function resultIn(text, id) {
  const lines = text.startsWith("{")
    ? [text]
    : text.split("\n").flatMap((line) => /^data: ?(\{.*)$/.exec(line)?.[1] ?? []);
  const message = lines.map((line) => JSON.parse(line)).find((one) => one.id === id);
  if (!message?.result) throw new Error(`the tool answered ${text.slice(0, 1000)}`);
  return message.result;
}

async function overStdio({ command, args, env }) {
  const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const child = spawn(command, args, { env: { ...process.env, ...own }, stdio: ["pipe", "pipe", "ignore"] });
  const wire = openWire({ input: child.stdout, output: child.stdin, onEnd: () => {} });
  wire.serve({ request: () => ({}), notification: () => {} });
  await wire.request("initialize", hello);
  wire.notify("notifications/initialized");
  return {
    call: (name, given) => wire.request("tools/call", { name, arguments: given }),
    close: () => child.stdin.end(),
  };
}
