/**
 * The client of all measures: raw JSON-RPC over the stdio of a program, the same towards a bare agent and towards
 * `crucible acp`, so that the difference between two numbers is Crucible.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Starts the program; `spawnedAt` is when, in milliseconds of performance.now(). */
export function openDriver({ command, args, env, cwd }) {
  const spawnedAt = performance.now();
  const child = spawn(command, args, { env, cwd, stdio: ["pipe", "pipe", "pipe"] });
  const exited = once(child, "exit");
  const waiting = new Map();
  let rest = "";
  let lastId = 0;
  let stderr = "";
  const driver = { spawnedAt, pid: child.pid, updates: 0, text: "", request, prompt, open, close, kill };

  child.stderr.setEncoding("utf8").on("data", (text) => (stderr = (stderr + text).slice(-4000)));
  child.stdin.on("error", () => {});
  child.on("error", (error) => failAll(error.message));
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) receive(JSON.parse(line));
  });
  child.stdout.on("close", () => failAll(`${args.join(" ")} ended: ${stderr}`));

  function receive(message) {
    if (message.method === "session/update") {
      driver.updates++;
      const { update } = message.params;
      if (update.sessionUpdate === "agent_message_chunk") driver.text = update.content.text;
      return;
    }
    if (message.method !== undefined) return;
    const { resolve, reject } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) reject(new Error(`${message.error.message} ${JSON.stringify(message.error.data ?? "")}`));
    else resolve(message.result);
  }

  function failAll(reason) {
    for (const { reject } of waiting.values()) reject(new Error(reason));
    waiting.clear();
  }

  function request(method, params) {
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    });
  }

  const initialize = () => request("initialize", { protocolVersion: 1, clientCapabilities: {} });

  /** Initializes and opens a session; gives its id. */
  async function open(sessionCwd) {
    await initialize();
    return (await request("session/new", { cwd: sessionCwd, mcpServers: [] })).sessionId;
  }

  function prompt(sessionId, text) {
    return request("session/prompt", { sessionId, prompt: [{ type: "text", text }] });
  }

  /** Ends its input and waits for its end. */
  async function close() {
    child.stdin.end();
    await exited;
  }

  function kill() {
    child.kill("SIGKILL");
  }

  return Object.assign(driver, { initialize });
}
