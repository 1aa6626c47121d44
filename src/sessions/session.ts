/**
 * One conversation: the pipe between a client (an editor, or a delegation) and an agent process, and what the daemon holds
 * about it. Its id is the daemon's own; which agent process answers behind it can change (`bind`), so that a session can
 * outlive a process. It does not know how agents are started nor what an editor is.
 *
 * States: opening → idle ⇄ working → ended. While opening, what the agent says is held back, because the client does not know
 * the id yet. Ended is final; `scope` then undoes all that was made for the session, and its children end with it.
 */
import { composePipe, type Interceptor, type Notification, type Pipe, type Request } from "../acp/interceptor.ts";
import { lineRenamer, translateSessionMessage } from "../acp/session-message.ts";
import { withSessionId, type IncomingRequest, type Listener, type Peer, type RequestId } from "../acp/wire.ts";
import { monotonicMs } from "../base/clock.ts";
import { deferred } from "../base/deferred.ts";
import { newId } from "../base/ids.ts";
import type { Scope } from "../base/scope.ts";
import type { AgentProfile } from "../config/config.ts";
import { sessionEnded } from "./errors.ts";
import type { Grant, Narrowing } from "./grant.ts";
import type { Kiln } from "./kiln.ts";
import { SessionClient, type ClientInit } from "./session-client.ts";
import { Transcript } from "./transcript.ts";

/** Updates held back while a session opens; the oldest go first when there are more. */
export const maxHeldUpdates = 1000;

export type SessionState = "opening" | "idle" | "working" | "ended";
/** Who opened it. `handoff`: an agent that took over the conversation of its root session, and stands in its place. */
export type SessionOrigin = "editor" | "terminal" | "mcp" | "delegation" | "handoff";

/** The agent's side of a session: whom to ask, and under which id it knows the conversation. */
export interface AgentBinding {
  readonly peer: Peer;
  readonly agentSessionId: string;
  readonly pid: number;
}

export interface SessionInit extends ClientInit {
  /** Given when a stored session is opened again. */
  id?: string;
  origin: SessionOrigin;
  profile: AgentProfile;
  grant: Grant;
  /** What its caller took away, for a grant that has to be made again. */
  narrowing?: Narrowing | undefined;
  kiln: Kiln;
  /** Absolute. */
  cwd: string;
  additionalDirectories?: readonly string[];
  parent?: Session;
  /** In whose place in the conversation it stands, where that was handed over to it. */
  predecessor?: Session;
  /** Short, for people: what this session is about. */
  title?: string;
  /** Whether a human can be asked at the client; by default at editors. */
  attended?: boolean;
  scope: Scope;
  /** The taps between client and agent, nearest to the client first. */
  interceptors: (session: Session) => readonly Interceptor[];
}

export class Session implements Listener {
  readonly id: string;
  readonly origin: SessionOrigin;
  readonly narrowing: Narrowing;
  readonly kiln: Kiln;
  readonly cwd: string;
  readonly additionalDirectories: readonly string[];
  readonly parent: Session | undefined;
  readonly predecessor: Session | undefined;
  /** Short, for people: what it is about now. */
  title: string;
  readonly startedAt: number = Date.now();
  readonly scope: Scope;
  /** Whoever has it open. */
  readonly client: SessionClient;
  readonly children = new Set<Session>();
  /** The conversation so far; empty unless the pipeline listens for it. */
  readonly transcript = new Transcript();
  /** When its agent last said anything, by the clock of base/clock.ts. */
  lastHeardAt: number = monotonicMs();
  #profile: AgentProfile;
  #grant: Grant;
  readonly #pipe: Pipe;
  #binding: AgentBinding | undefined;
  /** Puts its id in place of the agent's in a line, where it stands beyond doubt. */
  #renamed: (line: string) => string | undefined = () => undefined;
  #opening = true;
  readonly #isOpen = deferred<void>();
  #held: Notification[] = [];
  #turns = 0;
  #replays = 0;
  #replay = 0;
  #ending: Promise<void> | undefined;
  #endReason = "";

  constructor(init: SessionInit) {
    this.id = init.id ?? newId("ses");
    this.origin = init.origin;
    this.#profile = init.profile;
    this.#grant = init.grant;
    this.narrowing = init.narrowing ?? {};
    this.kiln = init.kiln;
    this.cwd = init.cwd;
    this.additionalDirectories = init.additionalDirectories ?? [];
    this.parent = init.parent;
    this.predecessor = init.predecessor;
    this.title = init.title ?? "";
    this.scope = init.scope;
    this.client = new SessionClient(init, init.attended ?? init.origin === "editor");
    this.#pipe = composePipe(init.interceptors(this), this.#ends());
  }

  get profile(): AgentProfile {
    return this.#profile;
  }

  get grant(): Grant {
    return this.#grant;
  }

  /** The user has changed the rules: they hold for what the session does from now on. */
  revise(rules: { profile: AgentProfile; grant: Grant }): void {
    this.#profile = rules.profile;
    this.#grant = rules.grant;
  }

  get root(): Session {
    return this.parent?.root ?? this;
  }

  /** What is known under the client's own id: this session, or the one in whose conversation it speaks. */
  get conversation(): Session {
    return this.origin === "handoff" ? this.root : this;
  }

  /** Delegations above this session; a root session, and one that took its place, have 0. */
  get depth(): number {
    if (!this.parent) return 0;
    return this.origin === "handoff" ? this.parent.depth : this.parent.depth + 1;
  }

  /** The chain from the root to this session. */
  get lineage(): readonly Session[] {
    const above = this.predecessor ?? this.parent;
    return above ? [...above.lineage, this] : [this];
  }

  get state(): SessionState {
    if (this.#ending) return "ended";
    if (this.#opening) return "opening";
    return this.#turns > 0 ? "working" : "idle";
  }

  get binding(): AgentBinding | undefined {
    return this.#binding;
  }

  /** Why it ended; empty while it lives. */
  get endReason(): string {
    return this.#endReason;
  }

  /** From now on this agent process answers. */
  bind(binding: AgentBinding): void {
    this.#binding = binding;
    this.#renamed = lineRenamer(binding.agentSessionId, this.id);
  }

  /** Its client has gone, and its agent is going; what it has delegated may go on. */
  leave(): void {
    this.client.leave();
    this.#binding = undefined;
  }

  /** The client knows the id now: what was held back goes out, in order. */
  opened(): void {
    if (!this.#opening) return;
    this.#opening = false;
    const held = this.#held;
    this.#held = [];
    for (const notification of held) this.#pipe.agentNotification(notification);
    this.#isOpen.resolve();
  }

  /** A request of the client to the agent, through all interceptors. */
  ask(method: string, params: unknown, signal: AbortSignal, id?: RequestId): Promise<unknown> {
    return this.#pipe.clientRequest({ id, method, params, signal });
  }

  /** A notification of the client to the agent. */
  tell(method: string, params: unknown): void {
    this.#pipe.clientNotification({ method, params });
  }

  /** A request of the agent to the client. */
  request(request: IncomingRequest): Promise<unknown> {
    this.lastHeardAt = monotonicMs();
    if (!this.#opening) return this.#pipe.agentRequest(request);
    return this.#isOpen.promise.then(() => this.#pipe.agentRequest(request));
  }

  /** A notification of the agent to the client. */
  notification(method: string, params: unknown, line?: string): void {
    this.lastHeardAt = monotonicMs();
    if (!this.#opening) return this.#pipe.agentNotification({ method, params, line });
    this.#held.push({ method, params });
    if (this.#held.length > maxHeldUpdates) this.#held.shift();
  }

  /** Asks the client something of Crucible's own, past the interceptors. */
  askClient(method: string, params: Record<string, unknown>, signal: AbortSignal): Promise<unknown> {
    return this.client.peer.request(method, { ...params, sessionId: this.id }, { signal });
  }

  /** Tells the client something of Crucible's own, past the interceptors. */
  tellClient(method: string, params: Record<string, unknown>): void {
    this.client.peer.notify(method, { ...params, sessionId: this.id });
  }

  /** Tells the client of this root session something about a session of its tree, under that session's id. */
  tellAbout(session: Session, notification: Notification): void {
    this.#notifyClient(notification, session);
  }

  /** Counts a turn as under way until the returned function is called. */
  turnStarted(): () => void {
    this.#turns++;
    return () => void this.#turns--;
  }

  /** Which replay of its conversation is under way, counted from 1; 0 if none is. */
  get replay(): number {
    return this.#replay;
  }

  /** Takes what the agent says for a repetition of what was said before, until the returned function is called. */
  replayStarted(): () => void {
    const replay = ++this.#replays;
    this.#replay = replay;
    return () => {
      if (this.#replay === replay) this.#replay = 0;
    };
  }

  /** Ends the session and all that descends from it. Idempotent. */
  end(reason: string): Promise<void> {
    if (!this.#ending) {
      this.#endReason = reason;
      this.#ending = this.#end(reason);
    }
    return this.#ending;
  }

  async #end(reason: string): Promise<void> {
    // All levels at once: processes that are slow to go would otherwise add up.
    const children = [...this.children].map((child) => child.end(`its parent ended: ${reason}`));
    await Promise.all([...children, this.scope.close()]);
    this.parent?.children.delete(this);
  }

  #ends(): Pipe {
    return {
      clientRequest: async ({ id, method, params, signal }: Request) => {
        const { peer, agentSessionId } = this.#requireBinding();
        return peer.request(method, withSessionId(params, agentSessionId), { signal, onBehalfOf: id });
      },
      clientNotification: ({ method, params }: Notification) => {
        if (!this.#binding) return;
        this.#binding.peer.notify(method, withSessionId(params, this.#binding.agentSessionId));
      },
      agentRequest: ({ method, params, signal }: Request) =>
        this.client.peer.request(method, withSessionId(params, this.id), { signal }),
      agentNotification: (notification: Notification) => this.#notifyClient(notification, this),
    };
  }

  // Most of all messages pass here, and most of those unchanged but for the id: these go out as they came, with the id put in.
  #notifyClient({ method, params, line }: Notification, about: Session): void {
    const { binding, id } = about;
    const { peer } = this.client;
    const relayed = line && peer.relay && binding && about.#renamed(line);
    if (relayed) return peer.relay?.(relayed);
    const known = (named: string): string | undefined => (named === binding?.agentSessionId ? id : undefined);
    peer.notify(method, withSessionId(translateSessionMessage(params, known), id));
  }

  #requireBinding(): AgentBinding {
    if (this.#binding && !this.#ending) return this.#binding;
    throw sessionEnded.create(`session ${this.id} has ended${this.#endReason && `: ${this.#endReason}`}`, {
      hint: "open a new session",
    });
  }
}
