/**
 * A session is one pipe with taps: client ⇄ interceptors ⇄ agent. An interceptor sees the messages of one direction, may
 * change them, answer them itself, or pass them on with `next`. Composition happens once per session, so that a message costs
 * one function call for each interceptor that cares for its direction.
 *
 * "Client" is whoever opened the session: an editor, or a delegation.
 */

import type { RequestId } from "./wire.ts";

export interface Request {
  /** As its sender chose it; missing for one of Crucible's own. */
  readonly id?: RequestId | undefined;
  readonly method: string;
  readonly params: unknown;
  readonly signal: AbortSignal;
}

export interface Notification {
  readonly method: string;
  readonly params: unknown;
  /** The message as it came over the wire. Whoever changes the params must leave it out. */
  readonly line?: string | undefined;
}

type OnRequest = (request: Request, next: (request: Request) => Promise<unknown>) => Promise<unknown>;
type OnNotification = (notification: Notification, next: (notification: Notification) => void) => void;

/** Any of the four directions; one that is left out passes everything on. */
export interface Interceptor {
  readonly name: string;
  readonly clientRequest?: OnRequest;
  readonly clientNotification?: OnNotification;
  readonly agentRequest?: OnRequest;
  readonly agentNotification?: OnNotification;
}

/** The two ends of the pipe, or the pipe itself. */
export interface Pipe {
  readonly clientRequest: (request: Request) => Promise<unknown>;
  readonly clientNotification: (notification: Notification) => void;
  readonly agentRequest: (request: Request) => Promise<unknown>;
  readonly agentNotification: (notification: Notification) => void;
}

/**
 * Composes the interceptors around `ends`. The first one stands next to the client: it sees what the client sends first,
 * and what the agent sends last.
 */
export function composePipe(interceptors: readonly Interceptor[], ends: Pipe): Pipe {
  let { clientRequest, clientNotification, agentRequest, agentNotification } = ends;
  for (const interceptor of interceptors.toReversed()) {
    clientRequest = wrap(interceptor.clientRequest, clientRequest);
    clientNotification = wrap(interceptor.clientNotification, clientNotification);
  }
  for (const interceptor of interceptors) {
    agentRequest = wrap(interceptor.agentRequest, agentRequest);
    agentNotification = wrap(interceptor.agentNotification, agentNotification);
  }
  return { clientRequest, clientNotification, agentRequest, agentNotification };
}

function wrap<Message, Outcome>(
  handle: ((message: Message, next: (message: Message) => Outcome) => Outcome) | undefined,
  next: (message: Message) => Outcome,
): (message: Message) => Outcome {
  return handle ? (message) => handle(message, next) : next;
}
