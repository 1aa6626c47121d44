/**
 * What an editor runs, as far as it is one: a byte pipe between the editor and the daemon that outlives the daemon. While both
 * are there it looks at requests and answers as they pass, and at nothing else. When the daemon goes it answers what was under
 * way, finds or starts another one, introduces the editor to it, has its sessions opened again, and goes on. The editor
 * notices an error and no more.
 *
 * States: joined ⇄ away → ended. Away: what the editor says is held, and a daemon that is joined has yet to hear of it. Ended
 * is final: the editor has gone, or no daemon came.
 * It loads no SDK, since editors wait for it.
 */
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { toErrorObject } from "../../acp/error-object.ts";
import { maxMessageBytes } from "../../acp/link.ts";
import { messageEnds } from "../../acp/message-ends.ts";
import type { DroppedLine } from "../../base/lines.ts";
import { asRestoring } from "../../acp/restoring.ts";
import { isRecord, RpcError, rpcCodes, type RequestId, type RpcErrorObject } from "../../acp/wire.ts";
import { deferred, type Deferred } from "../../base/deferred.ts";
import { within } from "../../base/deadline.ts";
import { messageOf } from "../../base/errors.ts";
import { formatBytes, formatDuration } from "../../base/text.ts";
import { daemonUnreachable } from "../../control/errors.ts";
import { isFarewell } from "../../control/hello.ts";
import { connectionBroken, daemonAway, daemonLost } from "../errors.ts";
import { Held, maxHeldBytes } from "./held.ts";
import { Ledger, type EditorMessage, type OpenSession, type UnansweredRequest } from "./ledger.ts";
import { headOf, sift } from "./sift.ts";
import { eachLine, WholeLines } from "./whole-lines.ts";

/** How long an editor's bridge that may not start a daemon itself waits for another one, in milliseconds. */
export const daemonAbsenceLimitMs = 60_000;

/** Times in a row that a new daemon may break the connection before it has answered, until the editor is told of it. */
export const maxFailedReturns = 10;

/** How long the daemon may take to say its last words once the editor has ended its side, in milliseconds of silence. */
const farewellTimeoutMs = 5000;

/** Between two looks for a daemon, in milliseconds: the first pause, and the longest. */
const firstLookMs = 50;
const longestLookMs = 500;

export interface EditorBridgeParts {
  input: Readable;
  output: Writable;
  /** Connects to a daemon that serves editors; with `start`, starts one when none runs. Rejects with what the editor is told. */
  reach: (request: { start: boolean; daemonsBefore: number }) => Promise<Socket>;
  /** It may start a daemon. */
  autostart: boolean;
  /** Default `daemonAbsenceLimitMs`. */
  absenceLimitMs?: number;
  /** For the editor's log of its agent: a line without its newline. */
  say: (line: string) => void;
}

/** Carries what the two say until the editor ends. Resolves to why it gave up, if it did. */
export async function runEditorBridge(parts: EditorBridgeParts): Promise<Error | undefined> {
  return new EditorBridge(parts).run();
}

class EditorBridge {
  readonly #parts: EditorBridgeParts;
  readonly #ledger = new Ledger();
  readonly #held = new Held();
  readonly #ended = deferred<Error | undefined>();
  readonly #fromEditor: WholeLines;
  /** Requests of the bridge's own to the daemon. */
  readonly #own = new Map<string, Deferred<unknown>>();
  #asked = 0;
  #state: "joined" | "away" | "ended" = "away";
  #socket: Socket | undefined;
  #daemons = 0;
  /** The daemon said that somebody asked it to end. */
  #hasFarewell = false;
  /** Somebody needs a daemon now; wakes whoever looks for one. */
  #wanted = deferred<void>();
  #isWanted = true;
  /** The editor has ended its side, and the daemon says its last words. */
  #isEnding = false;

  constructor(parts: EditorBridgeParts) {
    this.#parts = parts;
    this.#fromEditor = new WholeLines({
      maxLineBytes: maxMessageBytes,
      onLines: (lines) => this.#editorSaid(lines),
      onTooLong: (dropped) => {
        const { kind, id } = messageEnds(dropped);
        const error = tooLong(dropped);
        if (kind === "answer" && id !== undefined) this.#editorSaid(lineOf({ id, error }));
        else this.#refuse(kind === "request" && id !== undefined ? id : null, error);
      },
    });
  }

  /** Rejects when not even the first daemon can be reached; nothing was read or written then. */
  async run(): Promise<Error | undefined> {
    const { input, output, reach, autostart } = this.#parts;
    this.#attach(await reach({ start: autostart, daemonsBefore: 0 }));
    this.#state = "joined";
    input.on("data", (chunk: Buffer) => this.#fromEditor.push(chunk));
    for (const event of ["end", "error", "close"]) input.once(event, () => this.#editorEnded());
    output.once("error", () => this.#editorGone());
    output.on("drain", () => this.#socket?.resume());
    return this.#ended.promise;
  }

  // The editor's side.

  #editorSaid(lines: Buffer): void {
    if (this.#state !== "joined") {
      for (const line of eachLine(lines)) this.#hold(line, messageIn(line));
      return;
    }
    const all = [...eachLine(lines)];
    const passing = all.filter((line) => this.#note(messageIn(line)));
    for (const bytes of passing.length === all.length ? [lines] : passing) this.#send(bytes);
  }

  /** False when there are too many requests under way already; it is answered then. */
  #note(message: EditorMessage | undefined): boolean {
    if (!message) return true;
    if (message.method !== undefined && message.id !== undefined && this.#ledger.isFull) {
      this.#refuse(message.id, { code: rpcCodes.internalError, message: "too many requests under way" });
      return false;
    }
    this.#ledger.sent(message);
    return true;
  }

  #send(bytes: Buffer): void {
    const { input } = this.#parts;
    if (this.#socket?.write(bytes) === false) input.pause();
  }

  #hold(line: Buffer, message: EditorMessage | undefined): void {
    // An answer was for the daemon that is gone, and what is not JSON-RPC for nobody.
    if (message?.method === undefined) return;
    const { id, method } = message;
    if (this.#held.add(line, message)) {
      if (id !== undefined) this.#want();
    } else if (id === undefined) this.#parts.say(`${method} was dropped: more than ${formatBytes(maxHeldBytes)} wait`);
    else this.#refuse(id, toErrorObject(heldTooMuch()));
  }

  #want(): void {
    this.#isWanted = true;
    this.#wanted.resolve();
  }

  #refuse(id: RequestId, error: RpcErrorObject): void {
    this.#tellEditor({ id, error });
  }

  #tellEditor(message: Record<string, unknown>): void {
    this.#parts.output.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  #editorEnded(): void {
    const socket = this.#socket;
    if (this.#state !== "joined" || !socket) return this.#end();
    if (socket.writableEnded) return;
    const rest = this.#fromEditor.takeRest();
    this.#isEnding = true;
    socket.end(rest);
    socket.setTimeout(farewellTimeoutMs, () => socket.destroy());
  }

  #editorGone(): void {
    this.#editorEnded();
    this.#socket?.destroy();
  }

  // The daemon's side.

  #attach(socket: Socket): void {
    const { input, output } = this.#parts;
    this.#daemons++;
    this.#socket = socket;
    this.#hasFarewell = false;
    const pass = (whole: Buffer): void => {
      const passing = sift(whole, (line) => this.#keep(line));
      for (const bytes of passing) if (!output.write(bytes)) socket.pause();
    };
    const lines = new WholeLines({
      maxLineBytes: maxMessageBytes,
      onLines: pass,
      onTooLong: (dropped) => {
        const { kind, id } = messageEnds(dropped);
        const error = tooLong(dropped);
        this.#parts.say(`a message of the daemon was dropped: ${error.message}`);
        if (kind === "answer" && id !== undefined) pass(lineOf({ id, error }));
      },
    });
    socket.on("data", (chunk: Buffer) => lines.push(chunk));
    socket.on("drain", () => input.resume());
    // What broke it makes no difference: `close` follows.
    socket.on("error", () => {});
    socket.once("close", () => {
      // Whatever could not be written holds nobody back any more; what is said from now on is held.
      input.resume();
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      // Whoever has ended its side wants the last words, whole or not.
      if (this.#isEnding) output.write(lines.takeRest());
      this.#lost();
    });
    input.resume();
  }

  /** Whether a line of the daemon's goes on to the editor. */
  #keep(line: Buffer): boolean {
    if (isFarewell(line)) {
      this.#hasFarewell = true;
      return false;
    }
    const head = headOf(line);
    if (!head) return true;
    const own = head.kind === "answer" ? this.#own.get(head.id) : undefined;
    if (own) {
      this.#own.delete(head.id);
      settle(own, line);
      return false;
    }
    this.#ledger.heard(head, line);
    return true;
  }

  #lost(): void {
    for (const waiting of this.#own.values()) waiting.reject(hungUp());
    this.#own.clear();
    if (this.#isEnding) return this.#end();
    if (this.#state !== "joined") return;
    this.#state = "away";
    const { unanswered, questions } = this.#ledger.takeLost();
    for (const requestId of questions) this.#tellEditor({ method: "$/cancel_request", params: { requestId } });
    for (const request of unanswered) this.#refuse(request.id, toErrorObject(lost(request)));
    this.#isWanted = !this.#hasFarewell || this.#ledger.introduction?.isAnswered === false;
    this.#parts.say(this.#whatNow());
    void this.#comeBack();
  }

  #whatNow(): string {
    const what = this.#hasFarewell ? "the daemon has ended" : "the connection to the daemon broke";
    if (!this.#parts.autostart) return `${what}; waiting up to ${formatDuration(daemonAbsenceLimitMs)} for another one`;
    return this.#isWanted ? `${what}; connecting again` : `${what}; it is started again when it is needed`;
  }

  /** Looks for a daemon, or starts one where one is needed, until one has taken the editor back or the editor goes. */
  async #comeBack(): Promise<void> {
    let since = Date.now();
    let failures = 0;
    for (let waitMs = firstLookMs; ; waitMs = Math.min(waitMs * 2, longestLookMs)) {
      this.#wanted = deferred();
      const error = await this.#tryToJoin();
      if (error === undefined || this.#state !== "away") return;
      const isThere = !daemonUnreachable.matches(error);
      const isFlighty = connectionBroken.matches(error) && ++failures < maxFailedReturns;
      if (!isFlighty && (isThere || (this.#parts.autostart && this.#isWanted))) {
        this.#refuseHeld(error);
        await this.#wanted.promise;
        [since, failures, waitMs] = [Date.now(), 0, firstLookMs];
      } else if (!this.#parts.autostart && Date.now() - since > (this.#parts.absenceLimitMs ?? daemonAbsenceLimitMs)) {
        return this.#giveUp(error);
      } else {
        await within(this.#wanted.promise, waitMs);
      }
    }
  }

  /** Undefined when the editor has a daemon again. */
  async #tryToJoin(): Promise<Error | undefined> {
    const { reach, autostart } = this.#parts;
    try {
      const socket = await reach({ start: autostart && this.#isWanted, daemonsBefore: this.#daemons });
      if (this.#state === "away") await this.#join(socket);
      else socket.destroy();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }

  /** Introduces the editor to a new daemon. Rejects, and has hung up, when that one does not take it. */
  async #join(socket: Socket): Promise<void> {
    if (socket.destroyed) throw hungUp();
    this.#attach(socket);
    const { introduction, sessions } = this.#ledger;
    try {
      if (introduction?.isAnswered) {
        await this.#ask("initialize", introduction.params);
        await Promise.all(sessions.map((session) => this.#restore(session)));
      }
      if (this.#socket !== socket) throw hungUp();
    } catch (error) {
      if (this.#socket === socket) this.#socket = undefined;
      socket.destroy();
      throw error;
    }
    this.#state = "joined";
    this.#parts.say(`connected to the daemon again; sessions opened again: ${sessions.length}`);
    // Whoever has not been answered yet still waits for it.
    if (introduction?.isAnswered === false) this.#editorSaid(lineOf({ ...introduction, method: "initialize" }));
    for (const line of this.#held.take()) this.#editorSaid(line);
  }

  async #restore({ sessionId, params }: OpenSession): Promise<void> {
    try {
      await this.#ask("session/resume", asRestoring(sessionId, params));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const text = `\n\n— this conversation could not be opened again: ${error.message} —\n\n`;
      const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text } };
      this.#tellEditor({ method: "session/update", params: { sessionId, update } });
    }
  }

  #ask(method: string, params: unknown): Promise<unknown> {
    const id = `crucible-bridge-${++this.#asked}`;
    const answer = deferred<unknown>();
    this.#own.set(JSON.stringify(id), answer);
    this.#send(lineOf({ id, method, params }));
    return answer.promise;
  }

  #refuseHeld(error: Error): void {
    this.#isWanted = false;
    this.#parts.say(error.message);
    for (const id of this.#held.takeRequests()) this.#refuse(id, toErrorObject(error));
  }

  #giveUp(error: Error): void {
    this.#refuseHeld(error);
    this.#end(error);
  }

  #end(error?: Error): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#wanted.resolve();
    this.#socket?.destroy();
    const { input, output } = this.#parts;
    input.pause();
    const done = (): void => this.#ended.resolve(error);
    if (output.destroyed) done();
    else output.end(done);
  }
}

function messageIn(line: Buffer): EditorMessage | undefined {
  try {
    const message: unknown = JSON.parse(line.toString("utf8"));
    return isRecord(message) ? message : undefined;
  } catch {
    // Whoever it is for will say so.
    return undefined;
  }
}

function lineOf({ id, method, params, error }: EditorMessage & { error?: RpcErrorObject }): Buffer {
  return Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", id, method, params, error })}\n`);
}

function settle(waiting: Deferred<unknown>, line: Buffer): void {
  const { result, error } = JSON.parse(line.toString("utf8")) as { result?: unknown; error?: RpcErrorObject };
  if (error) waiting.reject(new RpcError(error));
  else waiting.resolve(result);
}

function lost({ method }: UnansweredRequest): Error {
  if (method !== "session/prompt") {
    return daemonLost.create(`the daemon was restarted before it had answered ${method}`, { hint: "try it again" });
  }
  return daemonLost.create("the daemon was restarted; what the agent was doing is unknown", {
    hint: "send your message again",
  });
}

function hungUp(): Error {
  return connectionBroken.create("the daemon closed the connection before it had answered", {
    hint: "look into its log, or run `crucible serve` in a terminal to see why; your next message tries again",
  });
}

function heldTooMuch(): Error {
  return daemonAway.create(`there is no daemon, and more than ${formatBytes(maxHeldBytes)} wait for one already`, {
    hint: "wait until the daemon is back, then send it again",
  });
}

function tooLong({ bytes }: DroppedLine): RpcErrorObject {
  return { code: rpcCodes.parseError, message: `a line of ${bytes} bytes, where at most ${maxMessageBytes} are taken` };
}
