/**
 * Looks at the real agents without Crucible: starts each one, gives it the stand-in MCP server and goes through the
 * proofs, printing what it does on the wire. The way to find out whether a change came from an agent or from Crucible.
 *
 *   node test/real/direct.mjs [--only claude,codex] [--mcp stdio|http] [--fs] [--reject] [--requests] [--stderr]
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { methods, RequestError } from "@agentclientprotocol/sdk";
import { cacheRoot, installAgent } from "./agent-cache.mjs";
import { bareEnv, makeAgentHome } from "./agent-home.mjs";
import { agents } from "./agents.mjs";
import { openEditor } from "./editor.mjs";
import { startFakeDelegationHttp } from "./fake-delegation-server.mjs";
import { startModelServer } from "./model-server.mjs";
import { killMarked, processesMarked, waitForNone } from "./processes.mjs";
import { proveCancel, proveDelegation, proveModelCallsEnded, provePrompt, proveWork } from "./proofs.mjs";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    mcp: { type: "string", default: "stdio" },
    fs: { type: "boolean" },
    reject: { type: "boolean" },
    requests: { type: "boolean" },
    stderr: { type: "boolean" },
  },
});
const say = (name, value) =>
  process.stdout.write(`  ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}\n`);

async function look(agent, root, model, delegation) {
  const { command, version } = await installAgent(agent);
  process.stdout.write(`\n${agent.name} ${version}\n`);
  const { env } = await makeAgentHome(agent, { root, modelUrl: model.url });
  const cwd = join(root, "project");
  await mkdir(cwd);
  const log = join(root, "calls.jsonl");

  const started = Date.now();
  const editor = openEditor({
    command,
    args: agent.args,
    env: { ...bareEnv(), ...env },
    cwd,
    capabilities: flags.fs ? { fs: { readTextFile: true, writeTextFile: true } } : {},
    handlers: flags.fs ? fsHandlers : {},
    ...(flags.reject && { onPermission: reject }),
  });
  const { agentCapabilities, authMethods } = await editor.initialize();
  say("initialize ms", Date.now() - started);
  say("capabilities", agentCapabilities);
  say(
    "authMethods",
    (authMethods ?? []).map((method) => method.id),
  );

  const asked = Date.now();
  const session = await editor.newSession(cwd, [mcpServer(delegation.url, log)]);
  say("session/new ms", Date.now() - asked);
  say(
    "modes",
    session.modes ? [session.modes.currentModeId, session.modes.availableModes.map((mode) => mode.id)] : "none",
  );
  say(
    "configOptions",
    (session.configOptions ?? []).map((option) => `${option.id}=${option.currentValue}`),
  );

  const id = session.sessionId;
  await timed("prompt", () => provePrompt(editor, id));
  const memory = processesMarked(root).map((found) => `${found.memoryMb} MB ${found.command.slice(0, 70)}`);
  say("memory", memory);
  await timed("delegate", () =>
    proveDelegation(editor, id, { agent: "other", task: "ping", expected: "ECHO other: ping" }),
  );
  const calls = delegation.calls.length + (existsSync(log) ? readFileSync(log, "utf8").split("\n").length - 1 : 0);
  say("calls at the MCP server", `${calls}, refused by token: ${delegation.refused()}`);
  await timed("edit and shell", () => proveWork(editor, id, cwd, agent.name));
  // A request is recorded whole before its answer hangs, so this is when the model has begun to answer.
  const isHanging = () => model.requests.some((request) => request.reply?.hang);
  say("cancel", await proveCancel(editor, id, { isHanging }));
  say("model saw the cancel", (await proveModelCallsEnded(model.requests)) ?? "ok");
  await timed("prompt after cancel", () => provePrompt(editor, id));

  say("asked by the agent", editor.heard.asked.map(summary));
  say(
    "updates",
    countBy(editor.heard.updates, ({ update }) => update.sessionUpdate),
  );
  say(
    "model requests",
    countBy(model.requests, (request) => `${request.path} ${request.tools?.length ?? ""}`),
  );
  if (flags.requests) for (const request of model.requests) say("request", JSON.stringify(request));
  await end(editor, root);
  if (flags.stderr) say("stderr", editor.heard.stderr);
}

async function timed(name, proof) {
  const begun = Date.now();
  const problem = await proof();
  say(name, `${problem ?? "ok"} (${Date.now() - begun} ms)`);
}

/** End of stdin first; then SIGTERM to the agent itself. */
async function end(editor, root) {
  const begun = Date.now();
  editor.endInput();
  const left = await waitForNone(root, 8_000);
  if (left.length === 0) return say("all gone after end of stdin, ms", Date.now() - begun);
  say("left 8 s after end of stdin", left);
  editor.kill("SIGTERM");
  const stubborn = await waitForNone(root, 5_000);
  return say("left after SIGTERM", [Date.now() - begun - 8_000, stubborn]);
}

function mcpServer(url, log) {
  const name = "crucible";
  if (flags.mcp === "http") {
    return { type: "http", name, url, headers: [{ name: "Authorization", value: "Bearer fake-token" }] };
  }
  const program = fileURLToPath(new URL("fake-delegation-server.mjs", import.meta.url));
  return { name, command: process.execPath, args: [program], env: [{ name: "FAKE_DELEGATION_LOG", value: log }] };
}

/** Gemini 0.61 takes no JSON-RPC error for "missing file", whatever its code and text: with --fs its edit proof fails. */
const fsHandlers = {
  [methods.client.fs.readTextFile]: async ({ path }) => {
    if (!existsSync(path)) throw RequestError.resourceNotFound(path);
    return { content: await readFile(path, "utf8") };
  },
  [methods.client.fs.writeTextFile]: async ({ path, content }) => {
    await writeFile(path, content);
    return {};
  },
};

const reject = ({ options }) => {
  const option =
    options.find((each) => each.kind === "reject_once") ?? options.find((each) => each.kind === "reject_always");
  return { outcome: { outcome: "selected", optionId: option.optionId } };
};

function summary({ method, params }) {
  if (method !== methods.client.session.requestPermission) return `${method} ${params.path}`;
  const { toolCall, options } = params;
  return {
    toolCall: { ...toolCall, content: undefined },
    options: options.map((each) => `${each.kind}:${each.optionId}`),
  };
}

function countBy(list, keyOf) {
  const counts = {};
  for (const each of list) counts[keyOf(each)] = (counts[keyOf(each)] ?? 0) + 1;
  return counts;
}

await mkdir(join(cacheRoot, "runs"), { recursive: true });
for (const agent of agents.filter(({ name }) => !flags.only || flags.only.split(",").includes(name))) {
  const root = await mkdtemp(join(cacheRoot, "runs", "direct-"));
  const model = await startModelServer();
  const delegation = await startFakeDelegationHttp("fake-token");
  try {
    await look(agent, root, model, delegation);
  } catch (error) {
    say("broke off", error.stack ?? JSON.stringify(error));
  } finally {
    killMarked(root);
    await Promise.all([model.close(), delegation.close()]);
    await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
