/**
 * One JSON-RPC conversation over a pair of byte streams, newline-delimited (ACP, "Transports"). Frames, numbers, matches
 * answers to requests, and keeps the order of what came. Knows no ACP method but `$/cancel_request`.
 *
 * States: open → closed. It closes when the input ends, either stream fails, or `close` is called; every request that waits
 * then rejects with the reason.
 *
 * Order: messages are handed over in the order of the wire. After an answer the next message waits until whoever awaited the
 * answer has run, so that a `session/update` behind the answer to `session/new` finds its session registered.
 */
import type { Readable, Writable } from "node:stream";
import { isUnexpected, toErrorObject } from "./error-object.ts";
import { messageTooLarge } from "./errors.ts";
import { Inbox, type DroppedMessage } from "./inbox.ts";
import { messageEnds } from "./message-ends.ts";
import { MessageReader } from "./message-reader.ts";
import { Outbox } from "./outbox.ts";
import { RequestsUnderWay, maxOpenRequests } from "./requests-under-way.ts";
import { noTraffic, type Traffic } from "./traffic.ts";
import {
  Cancelled,
  isRecord,
  RpcError,
  rpcCodes,
  type Listener,
  type Peer,
  type RequestId,
  type RequestOptions,
  type RpcErrorObject,
} from "./wire.ts";

/** Longest message accepted, in bytes. Images and embedded files travel inside messages. */
export const maxMessageBytes = 64 * 1024 * 1024;

export interface LinkOptions {
  input: Readable;
  output: Writable;
  listener: Listener;
  /** What is said to those who wait when the conversation ends. */
  closeReason: () => Error | Promise<Error>;
  /** A line that is not JSON-RPC, with its length in characters. Answered with an error only where `answerGarbage` is set. */
  onStray?: (line: string) => void;
  /** Editors get -32700 for garbage; an agent's banner is just skipped. */
  answerGarbage?: boolean;
  /** Has what passes counted in. */
  traffic?: Traffic | undefined;
  /** The id of the first request to the peer; the others count up from it. Default 0. */
  firstRequestId?: number;
  /**
   * A message was longer than `maxMessageBytes` or nested deeper than `maxMessageDepth`, and is gone; told in a sentence without
   * its full stop. Whoever waits for it as an answer, or asked it as a request, is answered besides.
   */
  onDropped?: (what: string) => void;
  /** A handler failed in a way nobody expected. */
  onBug?: (error: unknown, method: string) => void;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  release(): void;
  onBehalfOf: RequestId | undefined;
}

export class Link implements Peer {
  readonly #options: LinkOptions;
  readonly #inbox: Inbox;
  readonly #reader = new MessageReader();
  readonly #waiting = new Map<number, Waiting>();
  readonly #underWay = new RequestsUnderWay();
  readonly #outbox: Outbox;
  #nextId: number;
  #closed = false;
  #resolveClosed!: () => void;
  /** Settles when the conversation has ended. */
  readonly closed: Promise<void> = new Promise((resolve) => (this.#resolveClosed = resolve));

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#nextId = options.firstRequestId ?? 0;
    const { input, output, traffic = noTraffic() } = options;
    this.#outbox = new Outbox(output, traffic.sent);
    this.#inbox = new Inbox({
      input,
      maxLineBytes: maxMessageBytes,
      received: traffic.received,
      receive: (line) => this.#receive(line),
      onOver: () => this.#finish(),
    });
    output.on("error", () => this.#inbox.end());
    output.once("close", () => this.#inbox.end());
  }

  /** Whether more was written than the peer has taken. */
  get isCongested(): boolean {
    return this.#outbox.isCongested;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        void this.#reason().then(reject);
        return;
      }
      const id = this.#nextId++;
      const { signal, onBehalfOf } = options;
      const cancel = (): void => {
        const carried = signal?.reason instanceof Cancelled ? signal.reason.params : {};
        this.notify("$/cancel_request", { ...carried, requestId: id });
      };
      const release = (): void => signal?.removeEventListener("abort", cancel);
      this.#waiting.set(id, { resolve, reject, release, onBehalfOf });
      this.#outbox.send({ jsonrpc: "2.0", id, method, params });
      if (signal?.aborted) cancel();
      else signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  notify(method: string, params: unknown): void {
    this.#outbox.send({ jsonrpc: "2.0", method, params });
  }

  relay(line: string): void {
    this.#outbox.write(line);
  }

  /** The id under which somebody else asked for the request that is `id` here. */
  originOf(id: unknown): RequestId | undefined {
    return typeof id === "number" ? this.#waiting.get(id)?.onBehalfOf : undefined;
  }

  /** Stops reading until `resume` was called as often; how a slow reader on the other side holds back a fast writer. */
  pause(): void {
    this.#inbox.pause();
  }

  resume(): void {
    this.#inbox.resume();
  }

  /** Hears `true` when more was written than the peer takes, and `false` when it has caught up. */
  onPressure(listener: (congested: boolean) => void): void {
    this.#outbox.onPressure(listener);
  }

  /** Ends the conversation from this side. What was sent before still goes out. */
  close(): void {
    this.#finish();
    this.#options.input.destroy();
  }

  #receive(line: string | DroppedMessage): void {
    if (typeof line !== "string") return this.#receiveDropped(line);
    if (line === "" || line === "\r") return;
    // Parsing what cannot be a message costs a hundred times as much as seeing it.
    if (!/^\s*\{/.test(line)) return this.#stray(line);
    let message: unknown;
    try {
      message = this.#reader.read(line);
    } catch {
      return this.#stray(line);
    }
    if (!isRecord(message)) return this.#stray(line);
    const { id, method, params } = message;
    if (method === undefined && ("result" in message || "error" in message)) return this.#receiveAnswer(message, line);
    if (typeof method !== "string") this.#invalid(id, line);
    else if (id === undefined) this.#receiveNotification(method, params, line);
    else if (isRequestId(id)) {
      void this.#receiveRequest({ id, method, params });
      // Whether it may pass is decided in microtasks; what was said after it does not overtake it.
      this.#inbox.hold();
    } else this.#invalid(null, line);
  }

  #receiveAnswer(message: Record<string, unknown>, line: string): void {
    const { id, error } = message;
    const isAwaited =
      typeof id === "number" &&
      this.#settle(id, (waiting) => {
        if (error === undefined || error === null) waiting.resolve(message["result"]);
        else waiting.reject(new RpcError(asErrorObject(error)));
      });
    // An answer is never answered, however late or strange it is.
    if (!isAwaited) this.#options.onStray?.(line);
  }

  // Nobody may wait for ever for what was not taken.
  #receiveDropped(line: DroppedMessage): void {
    const { kind, id, method } = messageEnds(line);
    const name = kind === "answer" ? "an answer" : method === undefined ? "a message" : method;
    const what = `${name} ${line.why}`;
    const error = messageTooLarge.create(what, { hint: "send less at once, or in parts" });
    this.#options.onDropped?.(what);
    if (kind === "answer" && typeof id === "number") this.#settle(id, (waiting) => waiting.reject(error));
    else if (kind === "request" && id !== undefined) {
      this.#outbox.send({ jsonrpc: "2.0", id, error: toErrorObject(error) });
    } else if (kind === "unknown") this.#stray(`[${what}]`);
  }

  #settle(id: number, settle: (waiting: Waiting) => void): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    this.#waiting.delete(id);
    waiting.release();
    settle(waiting);
    // Those who await the answer run as microtasks; the next message is taken in a later turn of the event loop.
    this.#inbox.hold();
    return true;
  }

  #receiveNotification(method: string, params: unknown, line: string): void {
    if (method === "$/cancel_request") {
      const requestId = isRecord(params) ? params["requestId"] : undefined;
      if (isRequestId(requestId)) this.#underWay.cancel(requestId, params as Record<string, unknown>);
      return;
    }
    try {
      this.#options.listener.notification(method, params, line);
    } catch (error) {
      this.#options.onBug?.(error, method);
    }
  }

  async #receiveRequest(request: { id: RequestId; method: string; params: unknown }): Promise<void> {
    const { id } = request;
    const begun = this.#underWay.begin(id);
    if (!begun) {
      const message = `more than ${maxOpenRequests} requests under way`;
      return this.#outbox.send({ jsonrpc: "2.0", id, error: { code: rpcCodes.internalError, message } });
    }
    try {
      const result = await this.#options.listener.request({ ...request, signal: begun.signal });
      this.#outbox.send({ jsonrpc: "2.0", id, result: result ?? null });
    } catch (error) {
      if (isUnexpected(error)) this.#options.onBug?.(error, request.method);
      this.#outbox.send({ jsonrpc: "2.0", id, error: toErrorObject(error) });
    } finally {
      begun.over();
    }
  }

  #stray(line: string): void {
    this.#options.onStray?.(line);
    if (!this.#options.answerGarbage) return;
    const error = { code: rpcCodes.parseError, message: "expected one JSON-RPC 2.0 message a line" };
    this.#outbox.send({ jsonrpc: "2.0", id: null, error });
  }

  #invalid(id: unknown, line: string): void {
    this.#options.onStray?.(line);
    if (!this.#options.answerGarbage) return;
    const error = {
      code: rpcCodes.invalidRequest,
      message: "expected a request, a notification or an answer of JSON-RPC 2.0",
    };
    this.#outbox.send({ jsonrpc: "2.0", id: isRequestId(id) ? id : null, error });
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.close();
    this.#outbox.close();
    this.#underWay.cancelAll();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    void this.#reason().then((reason) => {
      for (const one of waiting) {
        one.release();
        one.reject(reason);
      }
    });
    this.#resolveClosed();
  }

  async #reason(): Promise<Error> {
    return this.#options.closeReason();
  }
}

function isRequestId(value: unknown): value is RequestId {
  return value === null || typeof value === "string" || typeof value === "number";
}

function asErrorObject(error: unknown): RpcErrorObject {
  if (!isRecord(error)) return { code: rpcCodes.internalError, message: String(error) };
  const { code, message } = error;
  return {
    ...error,
    code: typeof code === "number" ? code : rpcCodes.internalError,
    message: typeof message === "string" ? message : "error without a message",
  };
}
