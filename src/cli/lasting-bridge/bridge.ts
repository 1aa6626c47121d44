/**
 * What an editor or an MCP client runs, as far as it is one: a byte pipe between this caller and the daemon that outlives the
 * daemon. While both are there it looks at requests and answers as they pass, and at nothing else. When the daemon goes it answers
 * what was under way, finds or starts another one, introduces the caller to it, and goes on. The caller notices an error and no more.
 *
 * States: joined ⇄ away → ended. Away: what the caller says is held, and a daemon that is joined has yet to hear of it. Ended
 * is final: the caller has gone, no daemon came, or the first one did not take it.
 * It loads no SDK, since editors wait for it.
 */
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { toErrorObject } from "../../acp/error-object.ts";
import { maxMessageBytes } from "../../acp/link.ts";
import { messageEnds } from "../../acp/message-ends.ts";
import { rpcCodes, type RequestId, type RpcError, type RpcErrorObject } from "../../acp/wire.ts";
import { deferred } from "../../base/deferred.ts";
import { messageOf } from "../../base/errors.ts";
import { formatBytes, formatDuration } from "../../base/text.ts";
import { DaemonLine, firstWordTimeoutMs, messageLine } from "./daemon-line.ts";
import type { Dialect } from "./dialect.ts";
import { Held, maxHeldBytes } from "./held.ts";
import { Ledger, messageIn, type CallerMessage } from "./ledger.ts";
import { daemonAbsenceLimitMs, Search } from "./search.ts";
import { eachLine, WholeLines } from "./whole-lines.ts";
import { heldTooMuch, hungUp, tooLong } from "./words.ts";

export interface LastingBridgeParts {
  dialect: Dialect;
  input: Readable;
  output: Writable;
  /** Connects to a daemon; with `start`, starts one when none runs. Rejects with what the caller is told. */
  reach: (request: { start: boolean; daemonsBefore: number }) => Promise<Socket>;
  /** It may start a daemon. */
  autostart: boolean;
  /** Default `daemonAbsenceLimitMs`. */
  absenceLimitMs?: number;
  /** Default `firstWordTimeoutMs`. */
  firstWordTimeoutMs?: number;
  /** For the caller's log: a line without its newline. */
  say: (line: string) => void;
}

/**
 * Carries what the two say until the caller ends. Resolves to why it gave up, if it did and has told the caller so. Rejects when not
 * even the first daemon could be reached, or that one did not take the caller, and there was nothing to answer yet.
 */
export async function runLastingBridge(parts: LastingBridgeParts): Promise<Error | undefined> {
  return new LastingBridge(parts).run();
}

class LastingBridge {
  readonly #parts: LastingBridgeParts;
  readonly #ledger = new Ledger();
  readonly #held = new Held();
  readonly #ended = deferred<Error | undefined>();
  readonly #fromCaller: WholeLines;
  readonly #search: Search;
  #state: "joined" | "away" | "ended" = "away";
  #daemon: DaemonLine | undefined;
  #daemons = 0;
  readonly #read = (chunk: Buffer): void => this.#fromCaller.push(chunk);
  /** The caller has ended its side, and the daemon says its last words. */
  #isEnding = false;

  constructor(parts: LastingBridgeParts) {
    this.#parts = parts;
    const { autostart, absenceLimitMs = daemonAbsenceLimitMs } = parts;
    this.#search = new Search({
      autostart,
      absenceLimitMs,
      join: (request) => this.#tryToJoin(request),
      onFailure: (error) => this.#refuseHeld(error),
    });
    this.#fromCaller = new WholeLines({
      maxLineBytes: maxMessageBytes,
      onLines: (lines) => this.#callerSaid(lines),
      onTooLong: (dropped) => {
        const { kind, id } = messageEnds(dropped);
        const error = tooLong(dropped);
        if (kind === "answer" && id !== undefined) this.#callerSaid(messageLine({ id, error }));
        else this.#refuse(kind === "request" && id !== undefined ? id : null, error);
      },
    });
  }

  async run(): Promise<Error | undefined> {
    const { input, output, reach, autostart } = this.#parts;
    this.#attach(await reach({ start: autostart, daemonsBefore: 0 }));
    this.#state = "joined";
    input.on("data", this.#read);
    for (const event of ["end", "error", "close"]) input.once(event, () => this.#callerEnded());
    output.once("error", () => this.#callerGone());
    output.on("drain", () => this.#daemon?.resume());
    return this.#ended.promise;
  }

  // The caller's side.

  #callerSaid(lines: Buffer): void {
    if (this.#state !== "joined") {
      for (const line of eachLine(lines)) this.#hold(line, messageIn(line));
      return;
    }
    const all = [...eachLine(lines)];
    const passing = all.filter((line) => this.#note(messageIn(line)));
    for (const bytes of passing.length === all.length ? [lines] : passing) this.#send(bytes);
  }

  /** False when there are too many requests under way already; it is answered then. */
  #note(message: CallerMessage | undefined): boolean {
    if (!message) return true;
    if (message.method !== undefined && message.id !== undefined && this.#ledger.isFull) {
      this.#refuse(message.id, { code: rpcCodes.internalError, message: "too many requests under way" });
      return false;
    }
    this.#ledger.sent(message);
    return true;
  }

  #send(bytes: Buffer): void {
    if (this.#daemon?.send(bytes) === false) this.#parts.input.pause();
  }

  #hold(line: Buffer, message: CallerMessage | undefined): void {
    // An answer was for the daemon that is gone, and what is not JSON-RPC for nobody.
    if (message?.method === undefined) return;
    const { id, method } = message;
    if (this.#held.add(line, message)) {
      if (id !== undefined) this.#search.want();
    } else if (id === undefined) this.#parts.say(`${method} was dropped: more than ${formatBytes(maxHeldBytes)} wait`);
    else this.#refuse(id, toErrorObject(heldTooMuch()));
  }

  #refuse(id: RequestId, error: RpcErrorObject): void {
    this.#tellCaller({ id, error });
  }

  #tellCaller(message: Record<string, unknown>): void {
    this.#parts.output.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  #callerEnded(): void {
    if (this.#state !== "joined" || !this.#daemon) return this.#end();
    this.#isEnding = true;
    this.#daemon.end(this.#fromCaller.takeRest());
  }

  #callerGone(): void {
    this.#callerEnded();
    this.#daemon?.destroy();
  }

  // The daemon's side.

  #attach(socket: Socket): DaemonLine {
    const { input, output, dialect, say } = this.#parts;
    this.#daemons++;
    const daemon: DaemonLine = new DaemonLine({
      socket,
      dialect,
      say,
      firstWordTimeoutMs: this.#parts.firstWordTimeoutMs ?? firstWordTimeoutMs,
      onLines: (lines) => output.write(lines),
      onMessage: (head, line) => this.#ledger.heard(head, line),
      onRefused: (error) => this.#refused(error),
      onDrain: () => input.resume(),
      onClosed: (rest) => {
        if (this.#daemon !== daemon) return;
        // Whatever could not be written holds nobody back any more; what is said from now on is held.
        input.resume();
        this.#daemon = undefined;
        // Whoever has ended its side wants the last words, whole or not.
        if (this.#isEnding) output.write(rest);
        this.#lost(daemon);
      },
    });
    this.#daemon = daemon;
    input.resume();
    return daemon;
  }

  /** By the first daemon: there is nothing to come back to. A later one tells it in answer to each request. */
  #refused(error: RpcError): void {
    if (this.#state !== "joined" || this.#daemons > 1) return;
    const { input } = this.#parts;
    const { introduction } = this.#ledger;
    const open = this.#ledger.takeLost().unanswered.map(({ id }) => id);
    if (introduction?.isAnswered === false) open.unshift(introduction.id);
    for (const id of open) this.#refuse(id, error.object);
    if (open.length > 0) return this.#end(error);
    // Whoever tells the caller waits for something to answer.
    this.#state = "ended";
    this.#daemon?.destroy();
    this.#daemon = undefined;
    input.off("data", this.#read).pause();
    const rest = this.#fromCaller.takeRest();
    if (rest.length > 0 && !input.readableEnded) input.unshift(rest);
    this.#ended.reject(error);
  }

  #lost({ hasFarewell }: DaemonLine): void {
    if (this.#isEnding) return this.#end();
    if (this.#state !== "joined") return;
    this.#state = "away";
    const { unanswered, questions } = this.#ledger.takeLost();
    const { dialect } = this.#parts;
    for (const requestId of questions) this.#tellCaller(dialect.withdrawal(requestId));
    for (const request of unanswered) this.#refuse(request.id, toErrorObject(dialect.lost(request)));
    const isWanted = !hasFarewell || this.#ledger.introduction?.isAnswered === false;
    this.#parts.say(this.#whatNow({ hasFarewell, isWanted }));
    void this.#search.run({ isWanted }).then((error) => error && this.#end(error));
  }

  #whatNow({ hasFarewell, isWanted }: { hasFarewell: boolean; isWanted: boolean }): string {
    const what = hasFarewell ? "the daemon has ended" : "the connection to the daemon broke";
    if (!this.#parts.autostart) return `${what}; waiting up to ${formatDuration(daemonAbsenceLimitMs)} for another one`;
    return isWanted ? `${what}; connecting again` : `${what}; it is started again when it is needed`;
  }

  /** Undefined when the caller has a daemon again, or has gone. */
  async #tryToJoin({ start }: { start: boolean }): Promise<Error | undefined> {
    if (!this.#isAway) return undefined;
    try {
      const socket = await this.#parts.reach({ start, daemonsBefore: this.#daemons });
      if (this.#isAway) await this.#join(socket);
      else socket.destroy();
      return undefined;
    } catch (error) {
      if (!this.#isAway) return undefined;
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }

  // Asked once more after a wait, in which it may have changed.
  get #isAway(): boolean {
    return this.#state === "away";
  }

  /** Introduces the caller to a new daemon. Rejects, and has hung up, when that one does not take it. */
  async #join(socket: Socket): Promise<void> {
    const daemon = this.#attach(socket);
    const { introduction } = this.#ledger;
    const { dialect, say } = this.#parts;
    let takenUp = "";
    try {
      if (introduction?.isAnswered)
        takenUp = `; ${await dialect.introduce(daemon, this.#ledger, (message) => this.#tellCaller(message))}`;
      if (daemon.isClosed) throw hungUp();
    } catch (error) {
      if (this.#daemon === daemon) this.#daemon = undefined;
      daemon.destroy();
      throw error;
    }
    this.#state = "joined";
    say(`connected to the daemon again${takenUp}`);
    // Whoever has not been answered yet still waits for it.
    if (introduction?.isAnswered === false)
      this.#callerSaid(messageLine({ id: introduction.id, method: "initialize", params: introduction.params }));
    for (const line of this.#held.take()) this.#callerSaid(line);
  }

  #refuseHeld(error: Error): void {
    this.#parts.say(error.message);
    for (const id of this.#held.takeRequests()) this.#refuse(id, toErrorObject(error));
  }

  #end(error?: Error): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#search.wake();
    this.#daemon?.destroy();
    const { input, output } = this.#parts;
    input.pause();
    const done = (): void => this.#ended.resolve(error);
    if (output.destroyed) done();
    else output.end(done);
  }
}
