/**
 * The client's side of a session: who has it open, what it said of itself and gave, and how an agent is found for it. A client can
 * leave, and another one take its place. It carries messages to whoever is there, and knows nothing of the agent.
 *
 * States: here ⇄ left.
 */
import { isRecord, RpcError, rpcCodes, type Peer } from "../acp/wire.ts";
import { deferred } from "../base/deferred.ts";
import type { Session } from "./session.ts";

/** How a session gets an agent again that has none. */
export interface Reviver {
  /** Puts an agent behind the session. Rejects with what kept it from that; the next request tries again. */
  revive: (session: Session) => Promise<void>;
  /** What was said before the prompt that begins now, for an agent that was not there; undefined when it was there. */
  takeRecap: (session: Session) => string | undefined;
}

/** What whoever opens a session brings along. */
export interface ClientInit {
  client: Peer;
  /** What it said in its `initialize` (ACP, "Initialization"). */
  clientInitialize?: Readonly<Record<string, unknown>>;
  /** The MCP servers it gave, as they came. */
  mcpServers?: readonly unknown[];
  /** Without one the session ends with its agent. */
  reviver?: Reviver;
}

/** In the place of a client that has left. */
const gone: Peer = {
  request: () => Promise.reject(new RpcError({ code: rpcCodes.cancelled, message: "the editor is gone" })),
  notify: () => {},
};

export class SessionClient {
  readonly #canAttend: boolean;
  #init: ClientInit;
  #isLeft = false;
  #rejoined = deferred<void>();

  /** `canAttend` = whether a person may be there. */
  constructor(init: ClientInit, canAttend: boolean) {
    this.#init = init;
    this.#canAttend = canAttend;
  }

  /** Whoever is there now. What is said to it directly passes no interceptor and carries no session id. */
  get peer(): Peer {
    return this.#init.client;
  }

  get initialize(): Readonly<Record<string, unknown>> {
    return this.#init.clientInitialize ?? {};
  }

  get capabilities(): Readonly<Record<string, unknown>> {
    const capabilities = this.initialize["clientCapabilities"];
    return isRecord(capabilities) ? capabilities : {};
  }

  get mcpServers(): readonly unknown[] {
    return this.#init.mcpServers ?? [];
  }

  get reviver(): Reviver | undefined {
    return this.#init.reviver;
  }

  /** Whether a person may be at the other end, who can be asked and shown things. */
  get isAttended(): boolean {
    return this.#canAttend && !this.#isLeft;
  }

  leave(): void {
    this.#isLeft = true;
    this.#init = { ...this.#init, client: gone };
  }

  /** After `leave`: a client is there again, with all that was the other one's to give. */
  rejoin(init: Required<ClientInit>): void {
    this.#isLeft = false;
    this.#init = init;
    this.#rejoined.resolve();
    this.#rejoined = deferred();
  }

  /** Settles with the next `rejoin`. */
  get rejoined(): Promise<void> {
    return this.#rejoined.promise;
  }
}
