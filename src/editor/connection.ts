/**
 * One editor: the daemon's side of `crucible acp`, an ACP agent to whoever is at the other end. It opens sessions, passes their
 * messages into their pipes, and relays all else between the editor and the connection's agent as it came.
 *
 * One agent process serves a connection and all its sessions, as it would without Crucible. It starts with `initialize`,
 * and again when a session is opened after it has died.
 */
import type { Duplex } from "node:stream";
import { initializeForAgent, initializeForEditor } from "../acp/capabilities.ts";
import { Link } from "../acp/link.ts";
import {
  isRecord,
  RpcError,
  rpcCodes,
  sessionIdOf,
  withSessionId,
  type IncomingRequest,
  type Listener,
} from "../acp/wire.ts";
import { translateSessionMessage } from "../acp/session-message.ts";
import type { Agent } from "../agents/agent.ts";
import { timedOut, within } from "../base/deadline.ts";
import type { AgentProfile } from "../config/config.ts";
import type { Session } from "../sessions/session.ts";
import { notYours } from "./errors.ts";
import type { EditorPorts, SessionPlan } from "./ports.ts";
import { withOwnIds } from "./session-list.ts";

/**
 * How long an editor's `initialize` waits for an agent that never answered one before, in milliseconds. Editors give up after
 * 20 s or so for `initialize` and `session/new` together; then it is better to answer with what every agent can.
 */
export const initializePatienceMs = 10_000;

/**
 * Requests to an editor are numbered from a multiple of this on: one that answers a question of an earlier daemon, which died
 * meanwhile, must not be taken to answer another one. Small enough for editors that count in 32 bits.
 */
const requestsPerDaemon = 1_000_000;

export interface EditorStream {
  stream: Duplex;
  /** Daemons this editor has had before this one. */
  daemonsBefore?: number | undefined;
}

export class EditorConnection {
  readonly #ports: EditorPorts;
  readonly #profile: AgentProfile;
  readonly #link: Link;
  readonly #sessions = new Map<string, Session>();
  #initialize: Record<string, unknown> | undefined;
  #agent: Promise<Agent> | undefined;
  #liveAgent: Agent | undefined;
  #ending: Promise<void> | undefined;

  constructor({ stream, daemonsBefore = 0 }: EditorStream, profile: AgentProfile, ports: EditorPorts) {
    this.#ports = ports;
    this.#profile = profile;
    this.#link = new Link({
      input: stream,
      output: stream,
      listener: {
        request: (request) => this.#request(request),
        notification: (method, params) => this.#notification(method, params),
      },
      closeReason: () => new RpcError({ code: rpcCodes.cancelled, message: "the editor is gone" }),
      answerGarbage: true,
      firstRequestId: daemonsBefore * requestsPerDaemon,
      onBug: (error, method) => ports.bus.emit("bug", { where: `${method} from an editor`, error }),
    });
    this.#link.onPressure((congested) => {
      if (congested) this.#liveAgent?.pause();
      else this.#liveAgent?.resume();
      ports.congested(this.#sessions.values(), congested);
    });
    void this.#link.closed.then(() => this.end());
  }

  get profileName(): string {
    return this.#profile.name;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Settles when the editor is gone and all that was its own has ended. */
  async closed(): Promise<void> {
    await this.#link.closed;
    await this.end();
  }

  /** Ends the connection, its sessions and all that descends from them. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#link.close();
    const sessions = [...this.#sessions.values()].map((session) => this.#ports.leave(session));
    const agent = this.#agent?.then(
      (started) => started.end(),
      () => {},
    );
    await Promise.all([...sessions, agent]);
  }

  #request(request: IncomingRequest): Promise<unknown> {
    const child = this.#childIn(request.params);
    if (child !== undefined) return Promise.reject(notYours(request.method, child));
    switch (request.method) {
      case "initialize":
        return this.#answerInitialize(request.params);
      case "session/new":
        return this.#openSession(request);
      case "session/fork":
        return this.#forkSession(request);
      case "session/load":
      case "session/resume":
        return this.#reopenSession(request);
      case "session/list":
        return this.#listSessions(request);
      case "session/close":
      case "session/delete":
        return this.#closeSession(request);
      default:
        return this.#relay(request);
    }
  }

  #notification(method: string, params: unknown): void {
    const session = this.#sessionOf(params);
    const child = this.#childIn(params);
    if (session) session.tell(method, params);
    else if (child === undefined && !this.#isElsewhere(params)) this.#notifyAgent(method, this.#withAgentsId(params));
    else if (child !== undefined && method === "session/cancel")
      this.#ports.cancelChild(child, this.#sessions.values());
  }

  // An agent that does not start is told to those who ask something of it; who only tells has no way to hear.
  #notifyAgent(method: string, params: unknown): void {
    this.#withAgent(async (agent) => agent.notify(method, params)).catch(() => {});
  }

  #relay({ id, method, params, signal }: IncomingRequest): Promise<unknown> {
    const session = this.#sessionOf(params);
    if (session) return session.ask(method, params, signal, id);
    if (this.#isElsewhere(params)) return Promise.reject(RpcError.sessionNotFound(sessionIdOf(params)));
    // Not of a session Crucible opened: of the connection, or of a subagent that is the agent's own.
    return this.#withAgent((agent) => agent.request(method, this.#withAgentsId(params), { signal, onBehalfOf: id }));
  }

  /** At once while the agent is up; else when it is, in the order of the calls. */
  #withAgent<Answer>(use: (agent: Agent) => Promise<Answer>): Promise<Answer> {
    return this.#liveAgent?.alive ? use(this.#liveAgent) : this.#requireAgent().then(use);
  }

  async #answerInitialize(params: unknown): Promise<unknown> {
    // An editor that says it twice keeps the agent it has.
    const isFirst = this.#initialize === undefined;
    this.#initialize = initializeForAgent(params, this.#ports.version);
    const identity = { version: this.#ports.version, profile: this.#profile.name };
    const starting = isFirst ? this.#startAgent(this.#initialize) : this.#requireAgent();
    const known = this.#ports.knownAnswer(this.#profile, this.#initialize);
    if (known) return initializeForEditor(known, identity);
    const agent = await within(starting, initializePatienceMs);
    return initializeForEditor(agent === timedOut ? {} : agent.initializeResult, identity);
  }

  #startAgent(initialize: Record<string, unknown>): Promise<Agent> {
    const owner: Listener = {
      request: ({ method, params, signal }) => this.#link.request(method, params, { signal }),
      notification: (method, params) => this.#link.notify(method, this.#withEditorsIds(params)),
    };
    const starting = this.#ports.startAgent(this.#profile, initialize, owner);
    this.#agent = starting;
    starting.then(
      (agent) => {
        this.#liveAgent = agent;
        this.#balance(agent);
        void agent.gone.then(() => this.#agentGone(agent));
      },
      () => {
        // Whoever needs the agent next tries again and is told.
        if (this.#agent === starting) this.#agent = undefined;
      },
    );
    return starting;
  }

  // Whoever does not read holds back the other, so that nothing piles up in between.
  #balance(agent: Agent): void {
    if (this.#link.isCongested) agent.pause();
    let held = false;
    const holdEditor = (congested: boolean): void => {
      if (held === congested) return;
      held = congested;
      if (congested) this.#link.pause();
      else this.#link.resume();
    };
    agent.onPressure(holdEditor);
    void agent.gone.then(() => holdEditor(false));
  }

  #agentGone(agent: Agent): void {
    if (this.#liveAgent === agent) this.#liveAgent = undefined;
    const orphans = [...this.#sessions.values()].filter((session) => session.binding?.peer === agent);
    this.#ports.agentGone(orphans);
  }

  async #requireAgent(): Promise<Agent> {
    if (!this.#initialize || this.#ending) {
      throw new RpcError({ code: rpcCodes.invalidRequest, message: "expected initialize before any other request" });
    }
    const agent = await (this.#agent ?? this.#startAgent(this.#initialize));
    return agent.alive ? agent : this.#startAgent(this.#initialize);
  }

  #openSession(request: IncomingRequest): Promise<unknown> {
    return this.#open(request, (agent, params, session) =>
      agent.openSession({ method: "session/new", params, signal: request.signal }, session),
    );
  }

  #forkSession(request: IncomingRequest): Promise<unknown> {
    const id = sessionIdOf(request.params);
    if (id === undefined) return Promise.reject(RpcError.sessionNotFound(id));
    const source = this.#agentsId(id);
    return this.#open(request, (agent, params, session) =>
      agent.openSession(
        { method: "session/fork", params: { ...params, sessionId: source }, signal: request.signal },
        session,
      ),
    );
  }

  async #open(
    request: IncomingRequest,
    ask: (
      agent: Agent,
      params: Record<string, unknown>,
      session: Session,
    ) => Promise<{ agentSessionId: string; result: Record<string, unknown> }>,
  ): Promise<unknown> {
    const params = isRecord(request.params) ? request.params : {};
    const agent = await this.#requireAgent();
    const session = this.#createSession(params);
    try {
      const extended = await this.#ports.withExtras(params, session, agent);
      const { agentSessionId, result } = await ask(agent, extended, session);
      this.#ports.attach(session, agent, agentSessionId);
      const answer = await this.#ports.applySettings(session, agent, result);
      this.#sessions.set(session.id, session);
      // The editor learns the id with the answer; what the agent says about it may come only after that.
      setImmediate(() => session.opened());
      return { ...answer, sessionId: session.id };
    } catch (error) {
      await session.end("it could not be opened");
      throw error;
    }
  }

  async #reopenSession(request: IncomingRequest): Promise<unknown> {
    const params = isRecord(request.params) ? request.params : {};
    const id = sessionIdOf(params);
    if (id === undefined) throw RpcError.sessionNotFound(id);
    const agent = await this.#requireAgent();
    const known = this.#sessions.get(id);
    // Before anything is changed: one that goes on without an editor goes on the same if this fails.
    this.#ports.requireReachable(placeIn(params));
    const agentSessionId = this.#agentsId(id);
    const left = known ? undefined : await this.#ports.takeBack(id, this.#profile);
    left?.rejoin({
      client: this.#link,
      clientInitialize: this.#initialize ?? {},
      mcpServers: mcpServersIn(params),
    });
    const session = known ?? left ?? this.#createSession(params, id);
    this.#ports.attach(session, agent, agentSessionId);
    this.#sessions.set(id, session);
    session.opened();
    const replayed = session.replayStarted();
    try {
      const extended = await this.#ports.withExtras(params, session, agent);
      const asked = { ...extended, sessionId: agentSessionId };
      const answer = await agent.request(request.method, asked, { signal: request.signal });
      this.#ports.reopened(session);
      return answer;
    } catch (error) {
      if (!known) {
        this.#sessions.delete(id);
        // What went on without an editor goes on without this one.
        await (left ? this.#ports.leave(left) : session.end("it could not be opened"));
      }
      throw error;
    } finally {
      replayed();
    }
  }

  async #listSessions(request: IncomingRequest): Promise<unknown> {
    const agent = await this.#requireAgent();
    const result = await agent.request(request.method, request.params, { signal: request.signal });
    return withOwnIds(result, this.#profile.name, this.#ports.store);
  }

  async #closeSession(request: IncomingRequest): Promise<unknown> {
    const id = sessionIdOf(request.params);
    const agent = await this.#requireAgent();
    const session = id === undefined ? undefined : this.#sessions.get(id);
    const params = this.#withAgentsId(request.params);
    const result = await agent.request(request.method, params, { signal: request.signal });
    if (id !== undefined) {
      this.#sessions.delete(id);
      await session?.end("the editor closed it");
      if (request.method === "session/delete") this.#ports.store.deleteSession(id);
    }
    return result;
  }

  #createSession(params: Record<string, unknown>, id?: string): Session {
    return this.#ports.createSession({
      ...(id === undefined ? {} : { id }),
      profile: this.#profile,
      ...placeIn(params),
      mcpServers: mcpServersIn(params),
      client: this.#link,
      clientInitialize: this.#initialize ?? {},
    });
  }

  /** The id of a child session that a message names. An editor may look at these and cancel them, and nothing else. */
  #childIn(params: unknown): string | undefined {
    const id = sessionIdOf(params);
    if (id === undefined || this.#sessions.has(id)) return undefined;
    return this.#ports.store.findSession(id)?.parentId ? id : undefined;
  }

  /** Names a conversation that is at work for somebody else. */
  #isElsewhere(params: unknown): boolean {
    const id = sessionIdOf(params);
    return id !== undefined && !this.#sessions.has(id) && this.#ports.isLive(id);
  }

  /** The agent's id of a conversation; one that Crucible has not given is the agent's own, from before Crucible was there. */
  #agentsId(id: string): string {
    return this.#sessions.get(id)?.binding?.agentSessionId ?? this.#ports.store.findSession(id)?.agentSessionId ?? id;
  }

  #withAgentsId(params: unknown): unknown {
    const id = sessionIdOf(params);
    return id === undefined ? params : withSessionId(params, this.#agentsId(id));
  }

  #withEditorsIds(params: unknown): unknown {
    const known = (id: string): string | undefined =>
      [...this.#sessions.values()].find((session) => session.binding?.agentSessionId === id)?.id;
    return translateSessionMessage(params, known);
  }

  #sessionOf(params: unknown): Session | undefined {
    const id = sessionIdOf(params);
    return id === undefined ? undefined : this.#sessions.get(id);
  }
}

/** The directories that `session/new` and its kin name. */
function placeIn(params: Record<string, unknown>): Pick<SessionPlan, "cwd" | "additionalDirectories"> {
  const { cwd, additionalDirectories: others } = params;
  return {
    cwd: typeof cwd === "string" ? cwd : "",
    additionalDirectories: Array.isArray(others) ? others.filter((one) => typeof one === "string") : [],
  };
}

function mcpServersIn({ mcpServers }: Record<string, unknown>): readonly unknown[] {
  return Array.isArray(mcpServers) ? (mcpServers as unknown[]) : [];
}
