/**
 * The sessions of the scripted agent: their settings, their history and, with `--memory FILE`, their life beyond the
 * process. Ids are counted (`scripted-1`, …), so that two agents give the same ids: who relays them must cope.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { sendFlood } from "./flood.mjs";
import { connectTools } from "./tools.mjs";
import { RpcError } from "./wire.mjs";

// A fixed time keeps every answer of the agent the same from run to run.
const updatedAt = "2026-01-01T00:00:00.000Z";

export function createSessions(wire, options) {
  const open = new Map();
  let inMemory = {};

  function records() {
    if (options.memory && existsSync(options.memory)) inMemory = JSON.parse(readFileSync(options.memory, "utf8"));
    return inMemory;
  }

  function keep(id, record) {
    const all = { ...records(), [id]: record };
    if (record === undefined) delete all[id];
    inMemory = all;
    if (!options.memory) return;
    // Other agents may read it at any time, and this one may be killed at any time.
    writeFileSync(`${options.memory}.${process.pid}`, JSON.stringify(all));
    renameSync(`${options.memory}.${process.pid}`, options.memory);
  }

  function freshId() {
    const taken = Object.keys(records()).map((id) => Number(id.slice(options.name.length + 1)));
    return `${options.name}-${Math.max(0, ...taken) + 1}`;
  }

  function openSession(id, { cwd, mcpServers }, history) {
    checkPlace(cwd, mcpServers, options);
    open.get(id)?.close();
    const session = createSession({ id, cwd, mcpServers, history, wire, options, keep });
    open.set(id, session);
    session.remember();
    return session;
  }

  function recordOf(id) {
    const record = records()[id];
    if (!record) throw new RpcError(-32002, `no such session: ${id}`);
    return record;
  }

  return {
    create: (params) => openSession(freshId(), params, []),
    reopen: (params) => openSession(params.sessionId, params, recordOf(params.sessionId).history),
    fork: (params) => openSession(freshId(), params, recordOf(params.sessionId).history),
    find: (id) => open.get(id),
    get(id) {
      const session = open.get(id);
      if (!session) throw new RpcError(-32002, `no such session: ${id}`);
      return session;
    },
    withRequest: (requestId) => [...open.values()].find(({ turn }) => turn?.id === requestId),
    list: (cwd) =>
      Object.entries(records())
        .filter(([, record]) => cwd === undefined || cwd === null || record.cwd === cwd)
        .map(([sessionId, record]) => ({ sessionId, cwd: record.cwd, title: record.title, updatedAt })),
    close(id) {
      this.get(id).close();
      open.delete(id);
      return {};
    },
    delete(id) {
      recordOf(id);
      open.get(id)?.close();
      open.delete(id);
      keep(id, undefined);
      return {};
    },
  };
}

function checkPlace(cwd, mcpServers, { mcp }) {
  if (!cwd?.startsWith("/")) throw new RpcError(-32602, `expected an absolute cwd, got ${JSON.stringify(cwd)}`);
  const stdio = mcpServers?.find(({ type }) => type === undefined || type === "stdio");
  if (mcp === "http" && stdio) throw new RpcError(-32602, `cannot use the stdio MCP server ${stdio.name}`);
}

function createSession({ id, cwd, mcpServers = [], history: earlier, wire, options, keep }) {
  const history = [...earlier];
  const state = { mode: "code", model: "small", brave: false };
  let tools;

  const session = {
    id,
    cwd,
    mcpServers,
    /** The turn that runs, if one does; see turn.mjs. */
    turn: undefined,
    /** Content blocks of every prompt of this process. */
    prompts: [],
    toolCalls: 0,

    /** Sends a session/update and keeps it for session/load. */
    update(update) {
      history.push(update);
      wire.notify("session/update", { sessionId: id, update });
    },

    async flood(count, bytes, signal) {
      history.push({ flood: { count, bytes } });
      await sendFlood({ wire, sessionId: id, count, bytes, signal });
    },

    /** Keeps the user's message, which is not sent back but replayed. */
    heard(prompt) {
      session.prompts.push(prompt);
      history.push(...prompt.map((content) => ({ sessionUpdate: "user_message_chunk", content })));
    },

    async replay() {
      for (const entry of [...history]) {
        if (options.lateReplay) await ticks(20);
        if (entry.flood) await sendFlood({ wire, sessionId: id, ...entry.flood });
        else wire.notify("session/update", { sessionId: id, update: entry });
      }
    },

    remember: () => keep(id, { cwd, title: titleOf(history), history }),

    settings: () => (options.configOptions ? { modes: modes(state), configOptions: configOptions(state) } : {}),

    setMode(modeId) {
      if (!modes(state).availableModes.some((mode) => mode.id === modeId))
        throw new RpcError(-32602, `no mode ${modeId}`);
      state.mode = modeId;
      session.update({ sessionUpdate: "current_mode_update", currentModeId: modeId });
      return {};
    },

    setConfigOption(configId, value) {
      if (!(configId in state)) throw new RpcError(-32602, `no config option ${configId}`);
      state[configId] = value;
      return { configOptions: configOptions(state) };
    },

    /** The MCP server that was given under the name "crucible"; connected at the first use. */
    tools: () => (tools ??= connectTools(session, options)),
    async connectIfEager() {
      if (options.mcpEager && mcpServers.length > 0) await (await session.tools()).list();
    },

    close() {
      session.turn?.cancel();
      tools?.then((connected) => connected.close()).catch(() => {});
    },
  };
  return session;
}

/** Gives way to what is ready to run, and to nothing that comes from outside. */
async function ticks(count) {
  for (let tick = 0; tick < count; tick++) await new Promise((resolve) => process.nextTick(resolve));
}

function titleOf(history) {
  const first = history.find(({ sessionUpdate }) => sessionUpdate === "user_message_chunk");
  return first?.content.text?.split("\n")[0] ?? null;
}

function modes({ mode }) {
  return {
    currentModeId: mode,
    availableModes: [
      { id: "code", name: "Code" },
      { id: "plan", name: "Plan", description: "Thinks and changes nothing" },
    ],
  };
}

function configOptions({ mode, model, brave }) {
  return [
    select("mode", mode, ["code", "plan"]),
    select("model", model, ["small", "large"]),
    { id: "brave", name: "brave", type: "boolean", currentValue: brave },
  ];
}

function select(id, currentValue, values) {
  const options = values.map((value) => ({ value, name: value }));
  return { id, name: id, category: id, type: "select", currentValue, options };
}
