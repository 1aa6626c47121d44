/** What the daemon answers to the command line, method by method. */
import { resolve } from "node:path";
import { RpcError, type Peer } from "../acp/wire.ts";
import { homeDirectory } from "../base/paths.ts";
import type { DaemonStatus, DelegateParams } from "../control/methods.ts";
import type { Delegations } from "../delegation/delegations.ts";
import { kilnOf } from "../kiln/open-kiln.ts";
import type { Bus } from "../observe/bus.ts";
import type { EndedTally } from "../observe/tally.ts";
import type { Permissions } from "../permissions/permissions.ts";
import { personGrant, rootGrant } from "../sessions/grant.ts";
import type { SessionRegistry } from "../sessions/registry.ts";
import type { Deleted, Store } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import type { ControlHandlers } from "./control-door.ts";
import { cancel } from "./cancel.ts";
import type { AgentPrograms } from "./agent-programs.ts";
import type { LiveConfig } from "./live-config.ts";
import { person } from "./person.ts";
import { chooseProfile, profileNamed } from "./profiles.ts";
import type { RunningAgents } from "./running-agents.ts";
import type { SessionFactory } from "./session-factory.ts";
import { storedHandlers } from "./stored-sessions.ts";
import { sessionTree } from "./session-tree.ts";
import { maxConnections } from "./socket-server.ts";
import { terminalLogin } from "./terminal-login.ts";

export interface ControlParts {
  config: LiveConfig;
  bus: Bus;
  store: Store;
  version: string;
  registry: SessionRegistry;
  agents: RunningAgents;
  programs: AgentPrograms;
  sessions: SessionFactory;
  delegations: Delegations;
  permissions: Permissions;
  /** Deletes a stored session with all that belongs to it. */
  remove: (sessionId: string) => Promise<Deleted>;
  /** Delegations that have ended. */
  ended: () => EndedTally;
  editors: () => number;
  /** Callers on the socket, editors included. */
  connections: () => number;
  facts: () => Pick<DaemonStatus, "startedAt" | "socket" | "stateDirectory" | "logFile" | "mcpUrl" | "tracing">;
  onStopRequested: () => void;
}

/** A terminal as the client of its session: it is asked for permission, and told nothing. */
function questionsFor(terminal: Peer): Peer {
  return {
    request: (method, params, options) =>
      method === "session/request_permission"
        ? terminal.request(method, params, options)
        : Promise.reject(RpcError.methodNotFound(method)),
    notify: () => {},
  };
}

export function controlHandlers(parts: ControlParts): ControlHandlers {
  const { config, bus, store, version, registry, agents, programs, sessions, delegations, permissions } = parts;

  function createCaller({ from, cwd, attended = false }: DelegateParams, caller: Peer): Session {
    const profile = from === undefined ? person : profileNamed(config.current, from);
    const grant = from === undefined ? personGrant : rootGrant(profile);
    const place = { cwd: resolve(cwd) };
    const kiln = kilnOf(place, config.current);
    return sessions.createCaller({
      origin: "terminal",
      profile,
      grant,
      kiln,
      ...place,
      ...(attended ? { client: questionsFor(caller), attended } : {}),
    });
  }

  return {
    status: () => ({
      version,
      pid: process.pid,
      configFile: config.current.file ?? null,
      configChange: config.current.change?.() ?? null,
      editors: parts.editors(),
      sessions: registry.size,
      agents: agents.size,
      delegations: delegations.counts(),
      ended: parts.ended(),
      relayed: { fromAgents: agents.traffic.received, toAgents: agents.traffic.sent },
      questions: permissions.openQuestions.length,
      store: store.health,
      residentBytes: process.memoryUsage.rss(),
      uptimeMs: Math.round(process.uptime() * 1000),
      limits: [
        { name: "max_agents", used: agents.size, most: config.current.server.maxAgents },
        { name: "connections", used: parts.connections(), most: maxConnections },
      ],
      ...parts.facts(),
    }),

    ps: async () => ({ roots: await sessionTree({ registry, delegations }) }),

    stop() {
      // The answer goes out before the end begins.
      setImmediate(parts.onStopRequested);
      return { pid: process.pid };
    },

    reload: () => ({ changed: config.reload() }),

    async delegate(params, { signal, notify, caller: peer }) {
      const caller = createCaller(params, peer);
      const stopListening = bus.on("delegation.progress", (event) => {
        const { sessionId: _session, childId: _child, figures: _figures, rootId, ...progress } = event;
        if (rootId === caller.id) notify("progress", progress);
      });
      try {
        return await delegations.delegate(caller, params, signal);
      } finally {
        stopListening();
        await caller.end("its delegation ended");
      }
    },

    ...storedHandlers({
      store,
      standing: () => ({
        questions: [...permissions.openQuestions],
        remembered: registry.all().flatMap((session) => permissions.rememberedOf(session)),
      }),
      health: () => store.health,
      stateOf: (id) => registry.get(id)?.state,
      mayBeLive: true,
      remove: parts.remove,
    }),

    cancel: ({ id }) => cancel(id, { delegations, registry, store }),

    async terminal_auth({ agent, method }) {
      const profile = await chooseProfile(agent, { config: config.current, programs });
      return terminalLogin({ profile, method, agents, programs, version, home: homeDirectory() });
    },
  };
}
