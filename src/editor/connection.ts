/**
 * One editor: the daemon's side of `crucible acp`, an ACP agent to whoever is at the other end. It passes the messages of sessions
 * into their pipes, has conversations opened, listed and closed, and relays all else between the editor and the connection's
 * agent as it came.
 *
 * One agent process serves a connection and all its sessions of one profile, as it would without Crucible. It starts with
 * `initialize`, and again when it is needed after it has died.
 */
import type { Duplex } from "node:stream";
import { initializeForAgent, initializeForEditor } from "../acp/capabilities.ts";
import { Link } from "../acp/link.ts";
import { RpcError, rpcCodes, sessionIdOf, withSessionId, type IncomingRequest } from "../acp/wire.ts";
import { translateSessionMessage } from "../acp/session-message.ts";
import type { Agent } from "../agents/agent.ts";
import { timedOut, within } from "../base/deadline.ts";
import type { AgentProfile } from "../config/config.ts";
import type { Session } from "../sessions/session.ts";
import { AgentSeat, toEditor } from "./agent-seat.ts";
import { closeSession } from "./closing.ts";
import { agentsIdOf, type Desk } from "./desk.ts";
import { notYours } from "./errors.ts";
import { forkSession, openSession } from "./opening.ts";
import type { EditorPorts } from "./ports.ts";
import { reopenSession } from "./reopening.ts";
import { listSessions } from "./session-list.ts";
import { tellGone } from "./take-up.ts";

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

const whyLeft = "the editor closed its connection";
const editorGone = new RpcError({ code: rpcCodes.cancelled, message: "the editor is gone" });

export interface EditorStream {
  stream: Duplex;
  /** Daemons this editor has had before this one. */
  daemonsBefore?: number | undefined;
}

export class EditorConnection implements Desk {
  readonly ports: EditorPorts;
  readonly profile: AgentProfile;
  readonly link: Link;
  readonly sessions = new Map<string, Session>();
  readonly forgetful = new WeakSet<Session>();
  /** By the names of their profiles. */
  readonly #seats = new Map<string, AgentSeat>();
  #initialize: Record<string, unknown> | undefined;
  #ending: Promise<void> | undefined;

  constructor({ stream, daemonsBefore = 0 }: EditorStream, profile: AgentProfile, ports: EditorPorts) {
    this.ports = ports;
    this.profile = profile;
    this.link = new Link({
      input: stream,
      output: stream,
      listener: {
        request: (request) => this.#request(request),
        notification: (method, params) => this.#notification(method, params),
      },
      closeReason: () => editorGone,
      answerGarbage: true,
      firstRequestId: daemonsBefore * requestsPerDaemon,
      onDropped: (message) => ports.bus.emit("warning", { where: "editor", message }),
      onBug: (error, method) => ports.bus.emit("bug", { where: `${method} from an editor`, error }),
    });
    this.link.onPressure((congested) => {
      for (const seat of this.#seats.values()) seat.hold(congested);
      ports.congested(this.sessions.values(), congested);
    });
    void this.link.closed.then(() => this.end());
  }

  get initialize(): Readonly<Record<string, unknown>> | undefined {
    return this.#initialize;
  }

  get sessionCount(): number {
    return this.sessions.size;
  }

  /** Settles when the editor is gone and all that was its own has ended. */
  async closed(): Promise<void> {
    await this.link.closed;
    await this.end();
  }

  /** Ends the connection, its sessions and all that descends from them. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  seatOf(profile: AgentProfile): AgentSeat {
    const known = this.#seats.get(profile.name);
    if (known) return known;
    const owner = toEditor(this.link, (params) => this.#withEditorsIds(params));
    const seat = new AgentSeat({
      link: this.link,
      start: (initialize, signal) => this.ports.startAgent(profile, { initialize, owner, signal }),
      initialize: () => (this.#ending ? undefined : this.#initialize),
      onGone: (agent) => void this.#agentGone(agent),
    });
    this.#seats.set(profile.name, seat);
    return seat;
  }

  async admit(session: Session): Promise<void> {
    if (!this.#ending) {
      this.sessions.set(session.id, session);
      return;
    }
    await this.ports.leave(session, whyLeft);
    throw editorGone;
  }

  async #end(): Promise<void> {
    this.link.close();
    const sessions = [...this.sessions.values()].map((session) => this.ports.leave(session, whyLeft));
    await Promise.all([...sessions, ...[...this.#seats.values()].map((seat) => seat.end())]);
  }

  #request(request: IncomingRequest): Promise<unknown> {
    const child = this.#childIn(request.params);
    if (child !== undefined) return Promise.reject(notYours(request.method, child));
    switch (request.method) {
      case "initialize":
        return this.#answerInitialize(request.params);
      case "session/new":
        return openSession(this, request);
      case "session/fork":
        return forkSession(this, request);
      case "session/load":
      case "session/resume":
        return reopenSession(this, request);
      case "session/list":
        return listSessions(this, request);
      case "session/close":
      case "session/delete":
        return closeSession(this, request);
      default:
        return this.#relay(request);
    }
  }

  #notification(method: string, params: unknown): void {
    const session = this.#sessionOf(params);
    const child = this.#childIn(params);
    if (session) session.tell(method, params);
    else if (child === undefined && !this.#isElsewhere(params)) this.#notifyAgent(method, this.#withAgentsId(params));
    else if (child !== undefined && method === "session/cancel") {
      this.ports.cancelChild(child, this.sessions.values());
    }
  }

  // An agent that does not start is told to those who ask something of it; who only tells has no way to hear.
  #notifyAgent(method: string, params: unknown): void {
    this.#ownSeat.use(async (agent) => agent.notify(method, params)).catch(() => {});
  }

  #relay({ id, method, params, signal }: IncomingRequest): Promise<unknown> {
    const session = this.#sessionOf(params);
    if (session) return session.ask(method, params, signal, id);
    // One that is closed has no taps: what is prompted past them would be asked by no rule and kept by nobody.
    if (method === "session/prompt" || this.#isElsewhere(params))
      return Promise.reject(RpcError.sessionNotFound(sessionIdOf(params)));
    // Not of a session Crucible opened: of the connection, or of a subagent that is the agent's own.
    return this.#ownSeat.use((agent) => agent.request(method, this.#withAgentsId(params), { signal, onBehalfOf: id }));
  }

  get #ownSeat(): AgentSeat {
    return this.seatOf(this.profile);
  }

  async #answerInitialize(params: unknown): Promise<unknown> {
    this.#initialize = initializeForAgent(params, this.ports.version);
    const identity = { version: this.ports.version, profile: this.profile.name };
    // An editor that says it twice keeps the agent it has.
    const starting = this.#ownSeat.require();
    starting.catch(() => {});
    const known = this.ports.knownAnswer(this.profile, this.#initialize);
    if (known) return initializeForEditor(known, identity);
    const agent = await within(starting, initializePatienceMs);
    return initializeForEditor(agent === timedOut ? {} : agent.initializeResult, identity);
  }

  async #agentGone(agent: Agent): Promise<void> {
    const orphans = [...this.sessions.values()].filter((session) => session.binding?.peer === agent);
    this.ports.agentGone(orphans);
    if (this.#ending || orphans.length === 0) return;
    const { message } = await agent.whyGone();
    for (const session of orphans) if (session.state !== "ended") tellGone(session, message);
  }

  /** The id of a child session that a message names. An editor may look at these and cancel them, and nothing else. */
  #childIn(params: unknown): string | undefined {
    const id = sessionIdOf(params);
    if (id === undefined || this.sessions.has(id)) return undefined;
    return this.ports.store.findSession(id)?.parentId ? id : undefined;
  }

  /** Names a conversation that is at work for somebody else. */
  #isElsewhere(params: unknown): boolean {
    const id = sessionIdOf(params);
    return id !== undefined && !this.sessions.has(id) && this.ports.liveSession(id) !== undefined;
  }

  #withAgentsId(params: unknown): unknown {
    const id = sessionIdOf(params);
    return id === undefined ? params : withSessionId(params, agentsIdOf(this, id) ?? id);
  }

  #withEditorsIds(params: unknown): unknown {
    const known = (id: string): string | undefined =>
      [...this.sessions.values()].find((session) => session.binding?.agentSessionId === id)?.id;
    return translateSessionMessage(params, known);
  }

  #sessionOf(params: unknown): Session | undefined {
    const id = sessionIdOf(params);
    return id === undefined ? undefined : this.sessions.get(id);
  }
}
