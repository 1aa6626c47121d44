#!/usr/bin/env node
// An ACP agent that tries to get out. A prompt `attack FILE` names a JSON array of attempts ({ name, try: { op, … } }); each is
// made with the operation of that name in attacker/*.mjs, and what came of it is said as one JSON array. Nothing here decides
// whether an attempt was a success: whoever set the canaries looks after them. Without dependencies.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gateOps } from "./attacker/gate.mjs";
import { processOps } from "./attacker/processes.mjs";
import { rawOps } from "./attacker/raw.mjs";
import { reachOps } from "./attacker/reach.mjs";
import { systemCallOps } from "./attacker/system-calls.mjs";
import { connectTools } from "./attacker/tools.mjs";
import { openWire } from "./scripted/wire.mjs";

const ops = { ...rawOps, ...processOps, ...reachOps, ...gateOps, ...systemCallOps };
const attemptTimeoutMs = 20_000;
/** What one attempt may bring home, in characters. */
const maxLoot = 20_000;

const worthTaking = /SECRET-\w+-\w+|cru_[\w-]{43}/g;

const sessions = new Map();
const wire = openWire({ input: process.stdin, output: process.stdout, onEnd: () => process.exit(0) });

const methods = {
  initialize: () => ({
    protocolVersion: 1,
    agentInfo: { name: "attacker", version: "1" },
    agentCapabilities: { mcpCapabilities: { http: !process.argv.includes("--stdio"), sse: false } },
    authMethods: [],
  }),

  "session/new"({ cwd, mcpServers }) {
    const id = `attacker-${sessions.size + 1}-${process.pid}`;
    sessions.set(id, { id, cwd, server: mcpServers.find(({ name }) => name === "crucible") });
    return { sessionId: id };
  },

  async "session/prompt"({ sessionId, prompt }) {
    const session = sessions.get(sessionId);
    const words = prompt.map(({ text = "" }) => text).join("\n");
    const [, file] = /^\s*attack (\S+)\s*$/m.exec(words) ?? [];
    const text = file === undefined ? words : JSON.stringify(await attack(session, file));
    const content = { type: "text", text };
    wire.notify("session/update", { sessionId, update: { sessionUpdate: "agent_message_chunk", content } });
    return { stopReason: "end_turn" };
  },
};

async function attack(session, file) {
  const attempts = JSON.parse(readFileSync(join(session.cwd, file), "utf8"));
  let tools;
  const attacker = {
    cwd: session.cwd,
    sessionId: session.id,
    server: session.server,
    ask: (method, params) => wire.request(method, { sessionId: session.id, ...params }),
    tools: () => (tools ??= connectTools(session.server)),
  };
  const reports = [];
  for (const { name, try: how } of attempts) {
    const startedAt = performance.now();
    const outcome = await attempted(how, attacker);
    reports.push({ name, ms: Math.round(performance.now() - startedAt), ...outcome });
  }
  await tools?.then((connected) => connected.close?.()).catch(() => {});
  return reports;
}

/** What was got, or what was said instead. */
async function attempted({ op, timeoutMs = attemptTimeoutMs, ...how }, attacker) {
  try {
    const got = await within(timeoutMs, ops[op](how, attacker));
    const text = typeof got === "string" ? got : (JSON.stringify(got) ?? "");
    // Of much, only what looks worth taking is taken along.
    return { got: text.length <= maxLoot ? text : [...new Set(text.match(worthTaking))].join("\n").slice(0, maxLoot) };
  } catch (error) {
    return { refused: `${error.code ?? ""} ${error.message} ${error.data ? JSON.stringify(error.data) : ""}`.trim() };
  }
}

function within(ms, work) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("no answer")), ms)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

wire.serve({
  request(method, params) {
    if (methods[method]) return methods[method](params);
    throw Object.assign(new Error(`"${method}": method not found`), { code: -32601 });
  },
  notification: () => {},
});
