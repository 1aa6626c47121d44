/**
 * The shapes of JSON-RPC 2.0 as they stand on the wire, and the two sides of a conversation as the rest of Crucible sees
 * them. Values are `unknown` on purpose: what Crucible does not look at, it relays as it came.
 */
import { oneLine } from "../base/text.ts";

/** Characters of an error's details that its message carries. */
const maxDetailsLength = 400;

export type RequestId = string | number | null;

export interface RpcErrorObject {
  code: number;
  message: string;
  data?: unknown;
  /** What JSON-RPC does not know, and is passed on. */
  [field: string]: unknown;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /** The id under which somebody else asked for this, for requests of the peer that refer to it. */
  onBehalfOf?: RequestId | undefined;
}

/** One side of a conversation: something that can be asked and told. */
export interface Peer {
  /**
   * Resolves to the result as it came; rejects with `RpcError` for the peer's own error. Aborting the signal sends
   * `$/cancel_request` and goes on waiting: the peer still answers (ACP, "Cancellation").
   */
  request(method: string, params: unknown, options?: RequestOptions): Promise<unknown>;
  notify(method: string, params: unknown): void;
  /** Sends one whole message as it stands, where the peer is at the other end of a wire. */
  relay?(line: string): void;
}

/** A request that came in. `signal` aborts when the peer cancels it or is gone. */
export interface IncomingRequest {
  /** As the peer chose it. */
  readonly id?: RequestId | undefined;
  readonly method: string;
  readonly params: unknown;
  readonly signal: AbortSignal;
}

/** Who answers what a peer asks. */
export interface Listener {
  /** What it resolves to is the result; what it rejects with becomes the error (`toErrorObject`). */
  request(request: IncomingRequest): Promise<unknown>;
  /** `line` is the message as it came, for those who pass it on unchanged. */
  notification(method: string, params: unknown, line?: string): void;
}

/** Error codes of JSON-RPC 2.0 and ACP. */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  authRequired: -32000,
  notFound: -32002,
  cancelled: -32800,
} as const;

/** An error a peer answered with, kept whole so that it can be passed on untouched. */
/** An error of the peer, or in its words. `message` is for people and has the details that SDKs put beside a bare "Internal error". */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly object: RpcErrorObject;

  constructor(error: RpcErrorObject) {
    super(withDetails(error));
    this.code = error.code;
    this.object = error;
  }

  get data(): unknown {
    return this.object.data;
  }

  static methodNotFound(method: string): RpcError {
    return new RpcError({ code: rpcCodes.methodNotFound, message: `method not found: ${method}`, data: { method } });
  }

  static sessionNotFound(sessionId: unknown): RpcError {
    return new RpcError({
      code: rpcCodes.notFound,
      message: `session not found: ${String(sessionId)}`,
      data: { sessionId },
    });
  }
}

function withDetails({ message, data }: RpcErrorObject): string {
  const details = isRecord(data) ? data["details"] : undefined;
  if (typeof details !== "string" || details === "" || message.includes(details)) return message;
  return `${message}: ${oneLine(details, maxDetailsLength)}`;
}

/** Why a request is given up when its peer cancelled it, with all the cancelling message carried. */
export class Cancelled extends Error {
  override readonly name = "AbortError";
  readonly params: Record<string, unknown>;

  constructor(params: Record<string, unknown> = {}) {
    super("the request was cancelled");
    this.params = params;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The session a message belongs to: `params.sessionId`, where ACP puts it in every message of a session. */
export function sessionIdOf(params: unknown): string | undefined {
  return isRecord(params) && typeof params["sessionId"] === "string" ? params["sessionId"] : undefined;
}

/** The same params under another session id; the original is left as it is. */
export function withSessionId(params: unknown, sessionId: string): unknown {
  return isRecord(params) ? { ...params, sessionId } : params;
}
