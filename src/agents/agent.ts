/**
 * A running agent: a child process that speaks ACP, initialized, with a deadline over all of its start. It hands each message
 * of a session to that session's listener and all others to its owner, and it is gone at once when its process is.
 * It does not know what its sessions are for.
 */
import { Link } from "../acp/link.ts";
import type { Traffic } from "../acp/traffic.ts";
import { requestWhole } from "../acp/whole-replay.ts";
import {
  isRecord,
  sessionIdOf,
  type IncomingRequest,
  type Listener,
  type Peer,
  type RequestOptions,
} from "../acp/wire.ts";
import { monotonicMs } from "../base/clock.ts";
import { timedOut, within } from "../base/deadline.ts";
import { CrucibleError } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import type { AgentProfile } from "../config/config.ts";
import type { Bus } from "../observe/bus.ts";
import type { RunningProcess } from "../process/child.ts";
import { agentStart } from "../process/errors.ts";
import type { Confinement } from "../sandbox/confinement.ts";
import { SessionListeners } from "./session-listeners.ts";
import { asStartError, hasGone, silent, speaksSomethingElse } from "./agent-failure.ts";

/** What a program may write that is not JSON-RPC before it has answered `initialize`, in characters. */
export const maxGarbageAtStart = 1024 * 1024;

/** Lines of an agent that are not JSON-RPC and reported one by one; of further ones only their number is known. */
export const maxReportedStrays = 20;

/** A process that was started for an agent, and what holds it. */
export interface Launched {
  running: RunningProcess;
  confinement: Confinement;
  /** What its profile tells it to use and its sandbox does not show it, each a sentence without its end. */
  unreached: readonly string[];
  /** True if it is held to a network of "none". */
  isOffline: boolean;
  /** Directory of the sockets that lead to its tools, as it sees it; undefined if it reaches the daemon's own socket. */
  toolSockets: string | undefined;
}

export interface AgentStart {
  profile: AgentProfile;
  launch: () => Promise<Launched>;
  /** Parameters of `initialize` (ACP, "Initialization"). */
  initialize: Record<string, unknown>;
  /** Hears what belongs to no session. */
  owner: Listener;
  /** The one session it is started for; undefined when it serves an editor's. */
  sessionId?: string | undefined;
  bus: Bus;
  /** Has what it says and is told counted in. */
  traffic?: Traffic | undefined;
  signal?: AbortSignal | undefined;
}

/** One that opens a session: `session/new` and its kin. */
export interface OpeningRequest {
  method: string;
  params: unknown;
  signal?: AbortSignal | undefined;
}

/**
 * Starts an agent and initializes it. Rejects with CRU_AGENT_START when it is not up by the profile's deadline or answers
 * with an error; its process is ended before the rejection.
 */
export async function startAgent(start: AgentStart): Promise<Agent> {
  const { profile, sessionId, bus, signal } = start;
  const timeoutMs = profile.startupTimeoutSeconds * 1000;
  const startedAt = monotonicMs();
  try {
    const launched = await start.launch();
    const { confinement, unreached } = launched;
    for (const message of unreached) bus.emit("warning", { where: `sandbox of ${profile.name}`, message, sessionId });
    const agent = new Agent(start, launched);
    try {
      const answer = await within(agent.request("initialize", start.initialize), timeoutMs, signal);
      if (answer === timedOut) throw silent(agent, "initialize", timeoutMs);
      agent.initialized(answer);
    } catch (error) {
      await agent.end();
      throw signal?.aborted ? error : asStartError(agent, error);
    }
    const milliseconds = Math.round(monotonicMs() - startedAt);
    const { mechanism: sandbox, strength } = confinement;
    bus.emit("agent.started", {
      profile: profile.name,
      sessionId,
      agentPid: agent.pid,
      milliseconds,
      sandbox,
      strength,
    });
    return agent;
  } catch (error) {
    if (error instanceof CrucibleError) {
      bus.emit("agent.failed", { profile: profile.name, sessionId, code: error.code, message: error.message });
    }
    throw error;
  }
}

export class Agent implements Peer {
  readonly profile: AgentProfile;
  readonly process: RunningProcess;
  /** What holds it. */
  readonly confinement: Confinement;
  readonly unreached: readonly string[];
  readonly isOffline: boolean;
  readonly toolSockets: string | undefined;
  readonly #link: Link;
  readonly #sessionId: string | undefined;
  readonly #bus: Bus;
  readonly #listeners: SessionListeners;
  #initializeResult: Record<string, unknown> | undefined;
  #strays = 0;
  #garbage = 0;
  #ending = false;
  #failure: CrucibleError | undefined;
  #whyGone: Promise<CrucibleError> | undefined;

  constructor(
    start: Omit<AgentStart, "launch">,
    { running, confinement, unreached, isOffline, toolSockets }: Launched,
  ) {
    this.profile = start.profile;
    this.process = running;
    this.confinement = confinement;
    this.unreached = unreached;
    this.isOffline = isOffline;
    this.toolSockets = toolSockets;
    this.#listeners = new SessionListeners(start.owner);
    this.#sessionId = start.sessionId;
    this.#bus = start.bus;
    const { name } = start.profile;
    this.#link = new Link({
      input: running.stdout,
      output: running.stdin,
      traffic: start.traffic,
      listener: {
        request: (request) => this.#receiveRequest(request),
        notification: (method, params, line) => this.#listeners.hear(method, params, line),
      },
      closeReason: () => this.whyGone(),
      onStray: (line) => this.#stray(line),
      onDropped: (message) =>
        this.#bus.emit("warning", { where: `agent ${name}`, message, sessionId: this.#sessionId }),
      onBug: (error, method) =>
        this.#bus.emit("bug", { where: `${method} from ${name}`, error, sessionId: this.#sessionId }),
    });
    // Whichever goes first, the conversation or the process, takes the other with it.
    void this.#link.closed.then(() => running.end("its conversation ended"));
    void running.exited.then(({ code, signal }) => {
      this.#link.close();
      const end = { code, signal, expected: this.#ending };
      this.#bus.emit("agent.ended", { profile: name, sessionId: this.#sessionId, agentPid: running.pid, ...end });
    });
  }

  get pid(): number {
    return this.process.pid;
  }

  get alive(): boolean {
    return !this.#link.isClosed && !this.#ending;
  }

  /** Settles when the agent can no longer be talked to. */
  get gone(): Promise<void> {
    return this.#link.closed;
  }

  /** What an agent that is gone is told of with; known soon after it went. */
  whyGone(): Promise<CrucibleError> {
    this.#whyGone ??= this.#exitError();
    return this.#whyGone;
  }

  /** What it answered to `initialize`. */
  get initializeResult(): Readonly<Record<string, unknown>> {
    return this.#initializeResult ?? {};
  }

  initialized(result: unknown): void {
    if (!isRecord(result)) {
      const came = oneLine(JSON.stringify(result ?? null), 100);
      throw new TypeError(`expected an object as the answer to initialize, got ${came}`);
    }
    this.#initializeResult = result;
  }

  request(method: string, params: unknown, options?: RequestOptions): Promise<unknown> {
    return requestWhole(this.#link, { method, params, options });
  }

  notify(method: string, params: unknown): void {
    this.#link.notify(method, params);
  }

  /** A request of a session's opening, which has the profile's start deadline. Rejects with CRU_AGENT_START when that is over. */
  async ask({ method, params, signal }: OpeningRequest): Promise<unknown> {
    const timeoutMs = this.profile.startupTimeoutSeconds * 1000;
    const result = await within(this.request(method, params, { signal }), timeoutMs, signal);
    if (result === timedOut) throw silent(this, method, timeoutMs);
    return result;
  }

  /**
   * Asks for a session with a method whose answer carries its id (`session/new`, `session/fork`) and has `listener` hear all
   * of it from its first message on, also what the agent sent before the answer.
   */
  openSession(
    request: OpeningRequest,
    listener: Listener,
  ): Promise<{ agentSessionId: string; result: Record<string, unknown> }> {
    return this.#listeners.whileOpening(async () => {
      const result = await this.ask(request);
      const agentSessionId = sessionIdOf(result);
      if (!isRecord(result) || agentSessionId === undefined) {
        throw agentStart.create(`agent ${this.profile.name} answered ${request.method} without a session id`, {
          hint: "it does not speak ACP as expected; try another version of it",
        });
      }
      this.bindSession(agentSessionId, listener);
      return { agentSessionId, result };
    });
  }

  /** From now on `listener` hears everything of this session of the agent's. */
  bindSession(agentSessionId: string, listener: Listener): void {
    this.#listeners.bind(agentSessionId, listener);
  }

  unbindSession(agentSessionId: string): void {
    this.#listeners.unbind(agentSessionId);
  }

  /** Hears `true` when the agent does not read what it is told, and `false` when it has caught up. */
  onPressure(listener: (congested: boolean) => void): void {
    this.#link.onPressure(listener);
  }

  /** Holds back what the agent writes while the other side cannot take more. */
  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  /** Ends the process and all that descends from it; resolves when nothing of it is left. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.process.end("asked to");
  }

  #stray(line: string): void {
    this.#strays++;
    const { name } = this.profile;
    if (this.#strays <= maxReportedStrays) {
      const shown = oneLine(line.slice(0, 2000), 500);
      this.#bus.emit("agent.stray", { profile: name, sessionId: this.#sessionId, agentPid: this.pid, line: shown });
    }
    if (this.#initializeResult) return;
    this.#garbage += line.length;
    if (this.#garbage > maxGarbageAtStart) this.#link.close();
  }

  #receiveRequest(incoming: IncomingRequest): Promise<unknown> {
    const request = this.#withOrigin(incoming);
    return this.#listeners.of(request.params).request(request);
  }

  // A question about a request (an elicitation during a login, say) names it as this link knows it; its owner knows another id.
  #withOrigin(request: IncomingRequest): IncomingRequest {
    const { params } = request;
    const origin = isRecord(params) ? this.#link.originOf(params["requestId"]) : undefined;
    return origin === undefined || !isRecord(params)
      ? request
      : { ...request, params: { ...params, requestId: origin } };
  }

  /** Ends it because of this error, which whoever waits for it is told. */
  async fail(error: CrucibleError): Promise<void> {
    this.#failure = error;
    await this.process.kill();
  }

  async #exitError(): Promise<CrucibleError> {
    if (this.#failure) return this.#failure;
    if (this.#garbage > maxGarbageAtStart) return speaksSomethingElse(this, this.#garbage);
    const exit = await within(this.process.exited, 2000);
    return hasGone(this, { exit, isStarted: this.#initializeResult !== undefined });
  }
}
