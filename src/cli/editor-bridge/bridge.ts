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
import { asRestoring } from "../../acp/restoring.ts";
import { isRecord, RpcError, rpcCodes, type RequestId, type RpcErrorObject } from "../../acp/wire.ts";
import { monotonicMs } from "../../base/clock.ts";
import { within } from "../../base/deadline.ts";
import { deferred } from "../../base/deferred.ts";
import { messageOf } from "../../base/errors.ts";
import { formatBytes, formatDuration } from "../../base/text.ts";
import { daemonUnreachable } from "../../control/errors.ts";
import { connectionBroken } from "../errors.ts";
import { DaemonLine, messageLine } from "./daemon-line.ts";
import { Held, maxHeldBytes } from "./held.ts";
import { Ledger, type EditorMessage, type OpenSession } from "./ledger.ts";
import { eachLine, WholeLines } from "./whole-lines.ts";
import { heldTooMuch, hungUp, lost, tooLong } from "./words.ts";

/** How long an editor's bridge that may not start a daemon itself waits for another one, in milliseconds. */
export const daemonAbsenceLimitMs = 60_000;

/** Times in a row that a new daemon may break the connection before it has answered, until the editor is told of it. */
export const maxFailedReturns = 10;

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
  #state: "joined" | "away" | "ended" = "away";
  #daemon: DaemonLine | undefined;
  #daemons = 0;
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
        if (kind === "answer" && id !== undefined) this.#editorSaid(messageLine({ id, error }));
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
    output.on("drain", () => this.#daemon?.resume());
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
    if (this.#daemon?.send(bytes) === false) this.#parts.input.pause();
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
    if (this.#state !== "joined" || !this.#daemon) return this.#end();
    this.#isEnding = true;
    this.#daemon.end(this.#fromEditor.takeRest());
  }

  #editorGone(): void {
    this.#editorEnded();
    this.#daemon?.destroy();
  }

  // The daemon's side.

  #attach(socket: Socket): DaemonLine {
    const { input, output, say } = this.#parts;
    this.#daemons++;
    const daemon: DaemonLine = new DaemonLine({
      socket,
      say,
      onLines: (lines) => output.write(lines),
      onMessage: (head, line) => this.#ledger.heard(head, line),
      onDrain: () => input.resume(),
      onClosed: (rest) => {
        // Whatever could not be written holds nobody back any more; what is said from now on is held.
        input.resume();
        if (this.#daemon !== daemon) return;
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

  #lost({ hasFarewell }: DaemonLine): void {
    if (this.#isEnding) return this.#end();
    if (this.#state !== "joined") return;
    this.#state = "away";
    const { unanswered, questions } = this.#ledger.takeLost();
    for (const requestId of questions) this.#tellEditor({ method: "$/cancel_request", params: { requestId } });
    for (const request of unanswered) this.#refuse(request.id, toErrorObject(lost(request)));
    this.#isWanted = !hasFarewell || this.#ledger.introduction?.isAnswered === false;
    this.#parts.say(this.#whatNow(hasFarewell));
    void this.#comeBack();
  }

  #whatNow(hasFarewell: boolean): string {
    const what = hasFarewell ? "the daemon has ended" : "the connection to the daemon broke";
    if (!this.#parts.autostart) return `${what}; waiting up to ${formatDuration(daemonAbsenceLimitMs)} for another one`;
    return this.#isWanted ? `${what}; connecting again` : `${what}; it is started again when it is needed`;
  }

  /** Looks for a daemon, or starts one where one is needed, until one has taken the editor back or the editor goes. */
  async #comeBack(): Promise<void> {
    let since = monotonicMs();
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
        [since, failures, waitMs] = [monotonicMs(), 0, firstLookMs];
      } else if (
        !this.#parts.autostart &&
        monotonicMs() - since > (this.#parts.absenceLimitMs ?? daemonAbsenceLimitMs)
      ) {
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
    const daemon = this.#attach(socket);
    const { introduction, sessions } = this.#ledger;
    try {
      if (introduction?.isAnswered) {
        await daemon.ask("initialize", introduction.params);
        await Promise.all(sessions.map((session) => this.#restore(session, daemon)));
      }
      if (daemon.isClosed) throw hungUp();
    } catch (error) {
      if (this.#daemon === daemon) this.#daemon = undefined;
      daemon.destroy();
      throw error;
    }
    this.#state = "joined";
    this.#parts.say(`connected to the daemon again; sessions opened again: ${sessions.length}`);
    // Whoever has not been answered yet still waits for it.
    if (introduction?.isAnswered === false)
      this.#editorSaid(messageLine({ id: introduction.id, method: "initialize", params: introduction.params }));
    for (const line of this.#held.take()) this.#editorSaid(line);
  }

  async #restore({ sessionId, params }: OpenSession, daemon: DaemonLine): Promise<void> {
    try {
      await daemon.ask("session/resume", asRestoring(sessionId, params));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const text = `\n\n— this conversation could not be opened again: ${error.message} —\n\n`;
      const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text } };
      this.#tellEditor({ method: "session/update", params: { sessionId, update } });
    }
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
    this.#daemon?.destroy();
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
