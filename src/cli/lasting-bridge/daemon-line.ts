/**
 * The connection to one daemon, as a bridge sees it: what the daemon says in whole lines, the few of these that
 * matter told apart, and requests of the bridge's own, whose answers the caller never sees. It ends with its socket.
 */
import type { Socket } from "node:net";
import { maxMessageBytes } from "../../acp/link.ts";
import { toErrorObject } from "../../acp/error-object.ts";
import { messageEnds } from "../../acp/message-ends.ts";
import { RpcError, type RequestId, type RpcErrorObject } from "../../acp/wire.ts";
import { deferred, type Deferred } from "../../base/deferred.ts";
import { isFarewell, refusalIn } from "../../control/hello.ts";
import { silent } from "../../control/silence.ts";
import type { Dialect, Head } from "./dialect.ts";
import { WholeLines } from "./whole-lines.ts";
import { hungUp, tooLong } from "./words.ts";

/** How long the daemon may take to say its first words, in milliseconds; it answers `initialize` in less, however slow the agent is. */
export const firstWordTimeoutMs = 30_000;

/** How long the daemon may take to say its last words once the caller has ended its side, in milliseconds of silence. */
const farewellTimeoutMs = 5000;

export interface DaemonLineParts {
  socket: Socket;
  dialect: Dialect;
  /** Whole lines for the caller; false when it takes no more for now (`resume`). */
  onLines: (lines: Buffer) => boolean;
  /** A request or an answer among them. */
  onMessage: (head: Head, line: Buffer) => void;
  /** The daemon does not take this caller, or says nothing. */
  onRefused: (error: RpcError) => void;
  /** What was written has gone out. */
  onDrain: () => void;
  /** It has ended; `rest` is what had come of a line. */
  onClosed: (rest: Buffer) => void;
  say: (line: string) => void;
  firstWordTimeoutMs: number;
}

export class DaemonLine {
  readonly #parts: DaemonLineParts;
  /** By their ids as JSON. */
  readonly #own = new Map<string, Deferred<unknown>>();
  #asked = 0;
  #silence: NodeJS.Timeout | undefined;
  #whyClosed: Error = hungUp();
  #isClosed = false;
  #isHeard = false;
  #hasFarewell = false;

  constructor(parts: DaemonLineParts) {
    this.#parts = parts;
    const { socket } = parts;
    const pass = (whole: Buffer): void => {
      for (const passing of parts.dialect.sift(whole, (line) => this.#passes(line)))
        if (!parts.onLines(passing)) socket.pause();
    };
    const lines = new WholeLines({
      maxLineBytes: maxMessageBytes,
      onLines: pass,
      onTooLong: (dropped) => {
        const { kind, id } = messageEnds(dropped);
        const error = tooLong(dropped);
        parts.say(`a message of the daemon was dropped: ${error.message}`);
        // Whoever waits for it must not wait for ever.
        if (kind === "answer" && id !== undefined) pass(messageLine({ id, error }));
      },
    });
    socket.once("data", () => {
      this.#isHeard = true;
      clearTimeout(this.#silence);
    });
    socket.on("data", (chunk: Buffer) => lines.push(chunk));
    socket.on("drain", parts.onDrain);
    // What broke it makes no difference: `close` follows.
    socket.on("error", () => {});
    socket.once("close", () => this.#closed(lines.takeRest()));
    // It may have gone before anybody listened.
    if (socket.destroyed) queueMicrotask(() => this.#closed(Buffer.alloc(0)));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The daemon has said that somebody asked it to end. */
  get hasFarewell(): boolean {
    return this.#hasFarewell;
  }

  /** False when no more should be sent before `onDrain`. */
  send(bytes: Buffer): boolean {
    if (!this.#isHeard) this.#silence ??= setTimeout(() => this.#isSilent(), this.#parts.firstWordTimeoutMs);
    return this.#isClosed || this.#parts.socket.write(bytes);
  }

  /** Asks something of the bridge's own. Rejects with the daemon's error, and with CRU_DAEMON_CONNECTION when it goes. */
  async ask(method: string, params: unknown): Promise<unknown> {
    if (this.#isClosed) throw this.#whyClosed;
    const id = `crucible-bridge-${++this.#asked}`;
    const answer = deferred<unknown>();
    this.#own.set(JSON.stringify(id), answer);
    this.send(messageLine({ id, method, params }));
    return answer.promise;
  }

  resume(): void {
    this.#parts.socket.resume();
  }

  /** The caller has ended its side, with this for its last words; the daemon may say its own. */
  end(rest: Buffer): void {
    const { socket } = this.#parts;
    if (socket.writableEnded) return;
    socket.end(rest);
    socket.setTimeout(farewellTimeoutMs, () => socket.destroy());
  }

  destroy(): void {
    this.#parts.socket.destroy();
  }

  // Somebody who cannot be answered now must not wait for ever; whoever is there when it goes on will find this connection closed.
  #isSilent(): void {
    this.#whyClosed = silent("a daemon took the connection, and", { afterMs: this.#parts.firstWordTimeoutMs });
    this.#parts.onRefused(new RpcError(toErrorObject(this.#whyClosed)));
    this.destroy();
  }

  /** Whether a line goes on to the caller. */
  #passes(line: Buffer): boolean {
    if (isFarewell(line)) {
      this.#hasFarewell = true;
      return false;
    }
    const refusal = refusalIn(line);
    if (refusal) {
      this.#parts.onRefused(new RpcError(refusal));
      return false;
    }
    const head = this.#parts.dialect.headOf(line);
    if (!head) return true;
    const own = head.kind === "answer" ? this.#own.get(head.id) : undefined;
    if (!own) {
      this.#parts.onMessage(head, line);
      return true;
    }
    this.#own.delete(head.id);
    settle(own, line);
    return false;
  }

  #closed(rest: Buffer): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#silence);
    for (const waiting of this.#own.values()) waiting.reject(this.#whyClosed);
    this.#own.clear();
    this.#parts.onClosed(rest);
  }
}

/** One JSON-RPC message on a line of its own. */
export function messageLine(message: { id?: RequestId; [field: string]: unknown }): Buffer {
  return Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

function settle(waiting: Deferred<unknown>, line: Buffer): void {
  const { result, error } = JSON.parse(line.toString("utf8")) as { result?: unknown; error?: RpcErrorObject };
  if (error) waiting.reject(new RpcError(error));
  else waiting.resolve(result);
}
