/**
 * The place of one profile's agent in an editor's connection: an agent process is started for it, and another one when it is
 * needed again after that has gone. What its sessions are is not known here.
 */
import type { Link } from "../acp/link.ts";
import { RpcError, rpcCodes, type Listener } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";

export interface AgentSeatParts {
  /** The editor's side. */
  link: Link;
  start: (initialize: Record<string, unknown>, signal: AbortSignal) => Promise<Agent>;
  /** Parameters of `initialize`; undefined while the editor has not said any, and when it is gone. */
  initialize: () => Record<string, unknown> | undefined;
  onGone: (agent: Agent) => void;
}

export class AgentSeat {
  readonly #parts: AgentSeatParts;
  readonly #ending = new AbortController();
  #agent: Promise<Agent> | undefined;
  #live: Agent | undefined;

  constructor(parts: AgentSeatParts) {
    this.#parts = parts;
  }

  /** The agent that runs, or the one that starts, or a new one. */
  async require(): Promise<Agent> {
    const known = this.#agent;
    const agent = await (known ?? this.#start());
    if (agent.alive) return agent;
    // Of several who find it gone, the first starts the next one.
    return this.#agent === known || !this.#agent ? this.#start() : this.#agent;
  }

  /** At once while the agent is up; else when it is, in the order of the calls. */
  use<Answer>(use: (agent: Agent) => Promise<Answer>): Promise<Answer> {
    return this.#live?.alive ? use(this.#live) : this.require().then(use);
  }

  /** Has the agent wait before it says more, or go on. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#live?.pause();
    else this.#live?.resume();
  }

  /** Ends the agent, also one that is starting. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.#agent?.then(
      (agent) => agent.end(),
      () => {},
    );
  }

  async #start(): Promise<Agent> {
    const initialize = this.#parts.initialize();
    if (!initialize) {
      throw new RpcError({ code: rpcCodes.invalidRequest, message: "expected initialize before any other request" });
    }
    const starting = this.#parts.start(initialize, this.#ending.signal);
    this.#agent = starting;
    starting.then(
      (agent) => {
        this.#live = agent;
        this.#balance(agent);
        void agent.gone.then(() => {
          if (this.#live === agent) this.#live = undefined;
          this.#parts.onGone(agent);
        });
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
    const { link } = this.#parts;
    if (link.isCongested) agent.pause();
    let held = false;
    const holdEditor = (congested: boolean): void => {
      if (held === congested) return;
      held = congested;
      if (congested) link.pause();
      else link.resume();
    };
    agent.onPressure(holdEditor);
    void agent.gone.then(() => holdEditor(false));
  }
}

/** What an agent says outside of its sessions, said to the editor. `translate` puts the editor's ids in. */
export function toEditor(link: Link, translate: (params: unknown) => unknown): Listener {
  return {
    request: ({ method, params, signal }) => link.request(method, params, { signal }),
    notification: (method, params) => link.notify(method, translate(params)),
  };
}
