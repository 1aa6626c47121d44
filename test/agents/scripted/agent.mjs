/** The ACP methods of the scripted agent (Agent Client Protocol v1, and session/fork of its drafts). */
import { existingFile } from "./files.mjs";
import { createSessions } from "./sessions.mjs";
import { runTurn } from "./turn.mjs";
import { RpcError } from "./wire.mjs";

const never = new Promise(() => {});

export function createAgent(wire, options) {
  const sessions = createSessions(wire, options);
  let authenticated = !options.authRequired;

  function exitIfAsked(moment) {
    if (options.exitAt !== moment) return;
    process.stderr.write(`the scripted agent was told to exit at ${moment}\n`);
    process.exit(options.exitCode);
  }

  const methods = {
    async initialize() {
      exitIfAsked("initialize");
      if (options.noInitialize) await never;
      if (options.slowInitialize) await existingFile(options.slowInitialize);
      return {
        protocolVersion: 1,
        agentInfo: { name: options.name, title: "Scripted agent", version: "1.0.0" },
        agentCapabilities: merged(capabilities(options), options.capabilities),
        authMethods: options.authRequired ? [{ id: "login", name: "Log in", description: "Say the magic word" }] : [],
      };
    },

    authenticate({ methodId }) {
      if (methodId !== "login")
        throw new RpcError(-32602, `expected the method "login", got ${JSON.stringify(methodId)}`);
      authenticated = true;
      return {};
    },

    logout() {
      authenticated = !options.authRequired;
      return {};
    },

    async "session/new"(params) {
      exitIfAsked("session");
      if (!authenticated) throw new RpcError(-32000, "Authentication required");
      if (options.noSession) await never;
      if (options.slowSession) await existingFile(options.slowSession);
      const session = sessions.create(params);
      if (options.earlyUpdates) {
        const availableCommands = [{ name: "early", description: "told before session/new was answered" }];
        session.update({ sessionUpdate: "available_commands_update", availableCommands });
      }
      await session.connectIfEager();
      return { sessionId: session.id, ...session.settings() };
    },

    async "session/load"(params) {
      const session = sessions.reopen(params);
      const told = session.replay();
      if (!options.lateReplay) await told;
      await session.connectIfEager();
      return session.settings();
    },

    async "session/resume"(params) {
      const session = sessions.reopen(params);
      await session.connectIfEager();
      return session.settings();
    },

    "session/fork"(params) {
      const session = sessions.fork(params);
      return { sessionId: session.id, ...session.settings() };
    },

    "session/list": (params) => ({ sessions: sessions.list(params?.cwd) }),
    "session/close": ({ sessionId }) => sessions.close(sessionId),
    "session/delete": ({ sessionId }) => sessions.delete(sessionId),
    "session/set_mode": ({ sessionId, modeId }) => sessions.get(sessionId).setMode(modeId),
    "session/set_config_option": ({ sessionId, configId, value }) =>
      sessions.get(sessionId).setConfigOption(configId, value),

    async "session/prompt"({ sessionId, prompt }, id) {
      exitIfAsked("prompt");
      return runTurn({ session: sessions.get(sessionId), prompt, id, wire, options });
    },
  };

  return {
    request(method, params, id) {
      const handler = methods[method];
      if (handler) return handler(params, id);
      if (options.echoUnknown || method.startsWith("_")) return { method, params };
      throw new RpcError(-32601, `"${method}": method not found`);
    },

    notification(method, params) {
      if (method === "session/cancel") sessions.find(params.sessionId)?.turn?.cancel();
      if (method === "$/cancel_request") sessions.withRequest(params.requestId)?.turn.cancelRequest();
    },
  };
}

function capabilities({ mcp }) {
  return {
    loadSession: true,
    promptCapabilities: { image: true, audio: true, embeddedContext: true },
    mcpCapabilities: { http: mcp !== "stdio", sse: false },
    sessionCapabilities: { list: {}, resume: {}, close: {}, delete: {}, fork: {} },
  };
}

/** Objects are merged deeply, null removes, anything else replaces. */
function merged(base, changes) {
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return changes ?? base;
  const result = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}
