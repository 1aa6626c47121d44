/**
 * Makes sessions: with the taps of the pipeline, known to the registry and the store, and with what their profile adds when
 * they open on an agent. Used by every door, so that a child's session is made as a root's is.
 */
import { isRecord, RpcError, type Peer } from "../acp/wire.ts";
import { Agent } from "../agents/agent.ts";
import { systemPrompt, takesSystemPrompt } from "../agents/instructions.ts";
import { applySettings, type Settings } from "../agents/settings.ts";
import { newId } from "../base/ids.ts";
import { Scope } from "../base/scope.ts";
import type { Interceptor } from "../acp/interceptor.ts";
import type { Bus } from "../observe/bus.ts";
import type { Store } from "../sessions/records.ts";
import type { SessionRegistry } from "../sessions/registry.ts";
import { Session, type SessionInit } from "../sessions/session.ts";

export interface SessionFactoryParts {
  bus: Bus;
  store: Store;
  registry: SessionRegistry;
  pipeline: (session: Session) => readonly Interceptor[];
  /** Entries for `mcpServers` that give a session its tools. */
  toolsFor: (session: Session, agent: Agent) => Promise<Record<string, unknown>[]>;
}

export interface SettingsToApply {
  session: Session;
  agent: Agent;
  /** The agent's answer to the request that opened it. */
  opened: Record<string, unknown>;
  /** By default those of its profile. */
  settings?: Settings | undefined;
  /** Hears of each setting that could not be made, in a sentence without its full stop. */
  onIgnored?: ((what: string) => void) | undefined;
}

export type NewSession = Omit<SessionInit, "scope" | "interceptors">;

export class SessionFactory {
  readonly #parts: SessionFactoryParts;

  constructor(parts: SessionFactoryParts) {
    this.#parts = parts;
  }

  create(init: NewSession): Session {
    const { bus, store, registry, pipeline } = this.#parts;
    const id = init.id ?? newId("ses");
    const scope = new Scope((what, error) => bus.emit("bug", { where: `closing ${what}`, error, sessionId: id }));
    const session = new Session({ ...init, id, scope, interceptors: pipeline });
    registry.add(session);
    this.#save(session);
    scope.add("record", () => {
      const now = Date.now();
      store.updateSession(session.id, { endedAt: now, endReason: session.endReason, updatedAt: now });
    });
    return session;
  }

  /** A root session without an agent behind it: a terminal or an MCP client, which only delegates. */
  createCaller(init: Omit<NewSession, "client"> & { client?: Peer }): Session {
    const nobody: Peer = {
      request: (method) => Promise.reject(RpcError.methodNotFound(method)),
      notify: () => {},
    };
    const session = this.create({ client: nobody, ...init });
    session.opened();
    return session;
  }

  /** Parameters for `session/new` and its kin with the tools and the system prompt of the session. */
  async withExtras(params: Record<string, unknown>, session: Session, agent: Agent): Promise<Record<string, unknown>> {
    const own = await this.#parts.toolsFor(session, agent);
    const { instructions } = session.profile;
    return {
      ...params,
      ...(own.length > 0 ? { mcpServers: [...othersThan(own, params["mcpServers"]), ...own] } : {}),
      ...(instructions && takesSystemPrompt(agent) && !("systemPrompt" in params) ? systemPrompt(instructions) : {}),
    };
  }

  /** The agent answers for the session from now on. */
  attach(session: Session, agent: Agent, agentSessionId: string): void {
    agent.bindSession(agentSessionId, session);
    session.bind({ peer: agent, agentSessionId, pid: agent.pid });
    session.scope.add("agent's session", () => agent.unbindSession(agentSessionId));
    this.#save(session);
  }

  /** Makes settings on a session that was just opened; gives the agent's answer as it is after them. */
  applySettings({ session, agent, opened, settings, onIgnored }: SettingsToApply): Promise<Record<string, unknown>> {
    const { model, mode, name } = session.profile;
    return applySettings({
      peer: agent,
      agentSessionId: session.binding?.agentSessionId ?? "",
      opened,
      settings: settings ?? { model, mode },
      onIgnored: (setting, value, why) => {
        this.#parts.bus.emit("session.setting_ignored", { sessionId: session.id, profile: name, setting, value, why });
        onIgnored?.(`${setting} ${JSON.stringify(value)} was not set: ${why}`);
      },
    });
  }

  // A conversation that is opened again keeps what is known of it.
  #save(session: Session): void {
    const { store } = this.#parts;
    const known = store.findSession(session.id);
    const agent = session.binding?.peer;
    store.saveSession({
      id: session.id,
      origin: session.origin,
      profile: session.profile.name,
      // One that is opened again is not forgotten while its agent starts: the daemon may die before it answers.
      agentSessionId: session.binding?.agentSessionId ?? known?.agentSessionId ?? null,
      parentId: session.parent?.id ?? null,
      cwd: session.cwd,
      additionalDirectories: [...session.additionalDirectories],
      title: session.title || (known?.title ?? ""),
      usage: known?.usage ?? { tokens: null, cost: null },
      createdAt: known?.createdAt ?? session.startedAt,
      updatedAt: Date.now(),
      endedAt: null,
      endReason: "",
      sandbox: agent instanceof Agent ? agent.confinement : (known?.sandbox ?? null),
    });
  }
}

/** The servers a client gave, without those whose names are taken by our own. */
function othersThan(own: readonly Record<string, unknown>[], given: unknown): unknown[] {
  const servers = Array.isArray(given) ? (given as unknown[]) : [];
  return servers.filter((server) => !own.some(({ name }) => isRecord(server) && server["name"] === name));
}
