/**
 * An ACP client for tests that sees the bytes: raw JSON-RPC over the stdio of a program it starts, or over given streams.
 * It keeps every message of both directions. A line that is not JSON-RPC 2.0 fails whatever is awaited then or later, because
 * nothing else may be on that stream. It answers no request unless told how (method not found).
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { LineSplitter } from "../../src/base/lines.ts";
import { patienceMs, until } from "./conditions.ts";

/** A JSON-RPC message as it came, with the fields one asks for. */
export interface Message {
  jsonrpc: "2.0";
  id?: string | number | null;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

/** The parameters of one `session/update` notification (ACP, "Session Update"). */
export interface SessionUpdate {
  sessionId: string;
  update: { sessionUpdate: string; content?: { type: string; text?: string } } & Record<string, unknown>;
}

/** What one prompt turn came to. */
export interface Turn {
  stopReason: string;
  /** All agent_message_chunk texts of the turn, joined. */
  text: string;
  updates: SessionUpdate["update"][];
  result: Record<string, unknown>;
}

/** The other side answered a request with an error. */
export class RpcFailure extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(method: string, error: NonNullable<Message["error"]>) {
    super(`${method} answered ${error.code}: ${error.message} ${JSON.stringify(error.data) ?? ""}`.trimEnd());
    this.code = error.code;
    this.data = error.data;
  }
}

/** Thrown from a request handler: this error goes back as it is. */
export class RpcRefusal extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, options: { data?: unknown } = {}) {
    super(message);
    this.code = code;
    this.data = options.data;
  }
}

export type RequestHandler = (params: Record<string, unknown>, message: Message) => unknown;

export interface SpawnOptions {
  command: string;
  args?: readonly string[];
  cwd?: string;
  /** The whole environment of the program. */
  env: NodeJS.ProcessEnv;
  /** Whose process it is; undefined for our own. */
  user?: { uid: number; gid: number } | undefined;
}

const maxLineBytes = 256 * 1024 * 1024;
const keptStderrCharacters = 64 * 1024;

/** Starts a program that speaks ACP on its stdio. */
export function spawnAcpClient({ command, args = [], cwd, env, user }: SpawnOptions): AcpClient {
  const child = spawn(command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], ...user });
  return new AcpClient({ input: child.stdout, output: child.stdin }, child);
}

/** Speaks ACP over streams that are there already. */
export function connectAcpClient(
  streams: { input: Readable; output: Writable },
  /** The program behind them. */
  child?: ChildProcess,
): AcpClient {
  return new AcpClient(streams, child);
}

/** Open from its start until `end` (or `await using`), or until the other side closes. */
export class AcpClient implements AsyncDisposable {
  /** Every message of the other side, in order. */
  readonly received: Message[] = [];
  readonly sent: Message[] = [];
  /** The last of what the program wrote to stderr. */
  stderr = "";
  /** How the program ended; undefined while it runs. */
  exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  /** True once the other side has closed its output. */
  closed = false;

  readonly #output: Writable;
  readonly #child: ChildProcess | undefined;
  readonly #handlers = new Map<string, RequestHandler>();
  readonly #waiting = new Map<string | number, (message: Message) => void>();
  readonly #watchers = new Set<() => void>();
  #lastId = 0;
  #failure: Error | undefined;

  constructor(streams: { input: Readable; output: Writable }, child?: ChildProcess) {
    this.#output = streams.output;
    this.#child = child;
    const lines = new LineSplitter({
      maxLineBytes,
      onLine: (line) => this.#receive(line),
      onTooLong: ({ bytes }) => this.#fail(`a line of ${bytes} bytes came`),
    });
    streams.input.on("data", (chunk: Buffer) => lines.push(chunk));
    streams.input.on("close", () => {
      lines.end();
      this.closed = true;
      this.#changed();
    });
    // Writing to a side that has gone is told by `closed`, and by the requests that stay unanswered.
    streams.output.on("error", () => {});
    child?.on("error", (error) => this.#fail(error.message));
    child?.on("exit", (code, signal) => (this.exit = { code, signal }));
    child?.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).slice(-keptStderrCharacters);
    });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The result of a request; rejects with `RpcFailure` when the answer is an error. */
  async request<Result = Record<string, unknown>>(
    method: string,
    params?: unknown,
    options: { timeoutMs?: number } = {},
  ): Promise<Result> {
    const answer = await this.sendRequest(method, params).answer(options);
    if (answer.error) throw new RpcFailure(method, answer.error);
    return answer.result as Result;
  }

  /** Sends a request and leaves the waiting to the caller; its id serves `$/cancel_request`. */
  sendRequest(
    method: string,
    params?: unknown,
  ): { id: number; answer(options?: { timeoutMs?: number }): Promise<Message> } {
    const id = ++this.#lastId;
    let answered: Message | undefined;
    this.#waiting.set(id, (message) => (answered = message));
    this.#send({ jsonrpc: "2.0", id, method, params: params as Message["params"] });
    const answer = ({ timeoutMs = patienceMs } = {}): Promise<Message> =>
      this.#until(() => answered, { what: `the answer to ${method}`, timeoutMs });
    return { id, answer };
  }

  notify(method: string, params?: unknown): void {
    this.#send({ jsonrpc: "2.0", method, params: params as Message["params"] });
  }

  /** Sends a line as it is, newline added: for what no JSON-RPC client would send. */
  sendLine(line: string): void {
    this.#output.write(`${line}\n`);
  }

  /** How requests of a method are answered; `"*"` takes those without a handler of their own. */
  onRequest(method: string, handler: RequestHandler): this {
    this.#handlers.set(method, handler);
    return this;
  }

  /** The first message, received already or still to come, that fits. */
  waitFor(
    predicate: (message: Message) => boolean,
    { what = "a message", timeoutMs = patienceMs }: { what?: string; timeoutMs?: number } = {},
  ): Promise<Message> {
    return this.#until(() => this.received.find(predicate), { what, timeoutMs });
  }

  /** Waits until a request of this method has come, and gives it. */
  waitForRequest(method: string): Promise<Message> {
    return this.waitFor((message) => message.method === method && message.id !== undefined, {
      what: `a ${method} request`,
    });
  }

  /** All updates so far, of one session or of all. */
  updates(sessionId?: string): SessionUpdate["update"][] {
    return this.received
      .filter((message) => message.method === "session/update")
      .map((message) => message.params as unknown as SessionUpdate)
      .filter((params) => sessionId === undefined || params.sessionId === sessionId)
      .map((params) => params.update);
  }

  /** The texts of all agent_message_chunk updates so far, joined. */
  text(sessionId?: string): string {
    return textOf(this.updates(sessionId));
  }

  initialize(clientCapabilities: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    return this.request("initialize", {
      protocolVersion: 1,
      clientCapabilities,
      clientInfo: { name: "crucible-test", version: "1.0.0" },
    });
  }

  /** Opens a session and gives its id. */
  async newSession(cwd: string, params: Record<string, unknown> = {}): Promise<string> {
    const { sessionId } = await this.request<{ sessionId: string }>("session/new", { cwd, mcpServers: [], ...params });
    return sessionId;
  }

  /** One turn; `prompt` is a text or content blocks. */
  async prompt(
    sessionId: string,
    prompt: string | Record<string, unknown>[],
    options: { timeoutMs?: number } = {},
  ): Promise<Turn> {
    const before = this.updates(sessionId).length;
    const blocks = typeof prompt === "string" ? [{ type: "text", text: prompt }] : prompt;
    const result = await this.request("session/prompt", { sessionId, prompt: blocks }, options);
    const updates = this.updates(sessionId).slice(before);
    return { stopReason: String(result["stopReason"]), text: textOf(updates), updates, result };
  }

  cancel(sessionId: string): void {
    this.notify("session/cancel", { sessionId });
  }

  /** Ends the program's stdin, as an editor that closes does. */
  endInput(): void {
    this.#output.end();
  }

  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    this.#child?.kill(signal);
  }

  /** Waits until the program has ended by itself. */
  exited(options: { timeoutMs?: number } = {}): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const { timeoutMs = patienceMs } = options;
    return until(() => this.exit, { what: `the end of ${this.#name()}${this.#lastWords()}`, timeoutMs });
  }

  /** Ends the input and waits for the end of the other side; by force if it does not come. Fails on stray output. */
  async end(): Promise<void> {
    this.endInput();
    const hasEnded = (): boolean => (this.#child ? this.exit !== undefined : this.closed);
    try {
      if (this.#child?.pid !== undefined) {
        await until(hasEnded, { what: `${this.#name()} to end after its input${this.#lastWords()}` });
      }
    } finally {
      if (!hasEnded()) this.kill("SIGKILL");
    }
    if (this.#failure) throw this.#failure;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  #send(message: Message): void {
    this.sent.push(message);
    this.#output.write(`${JSON.stringify(message)}\n`);
  }

  #receive(line: string): void {
    const message = parseMessage(line);
    if (!message) {
      this.#fail(`expected lines of JSON-RPC 2.0, got ${JSON.stringify(line.slice(0, 500))}`);
      return;
    }
    this.received.push(message);
    if (message.method === undefined) this.#settle(message);
    else if (message.id !== undefined) void this.#answer(message);
    this.#changed();
  }

  #settle(message: Message): void {
    const settle = this.#waiting.get(message.id ?? "");
    this.#waiting.delete(message.id ?? "");
    if (settle) settle(message);
    else this.#fail(`an answer came that nobody waits for: ${JSON.stringify(message).slice(0, 500)}`);
  }

  async #answer({ id, method = "", params = {}, ...rest }: Message): Promise<void> {
    const handler = this.#handlers.get(method) ?? this.#handlers.get("*");
    const base = { jsonrpc: "2.0", id: id ?? null } as const;
    try {
      if (!handler) throw new RpcRefusal(-32601, `"${method}": method not found`);
      const result = await handler(params, { ...rest, id: id ?? null, method, params });
      this.#send({ ...base, result: result ?? null });
    } catch (error) {
      const { code, data } = error instanceof RpcRefusal ? error : { code: -32603, data: undefined };
      const message = error instanceof Error ? error.message : String(error);
      this.#send({ ...base, error: data === undefined ? { code, message } : { code, message, data } });
    }
  }

  #fail(problem: string): void {
    this.#failure ??= new Error(`${this.#name()}: ${problem}${this.#lastWords()}`);
    this.#changed();
  }

  /** Looks again whenever something came. Ends early when the stream turned out bad or has ended. */
  #until<T>(look: () => T | undefined, { what, timeoutMs }: { what: string; timeoutMs: number }): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (decide: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(watch);
        decide();
      };
      const give = (problem: string): void => {
        const error = new Error(`${problem}${this.#lastMessages()}${this.#lastWords()}`);
        settle(() => reject(error));
      };
      const watch = (): void => {
        const found = look();
        if (this.#failure) settle(() => reject(this.#failure));
        else if (found !== undefined) settle(() => resolve(found));
        else if (this.closed) give(`${this.#name()} closed before ${what}`);
      };
      const timer = setTimeout(() => give(`waited ${timeoutMs} ms for ${what} from ${this.#name()}`), timeoutMs);
      this.#watchers.add(watch);
      watch();
    });
  }

  #changed(): void {
    for (const watch of this.#watchers) watch();
  }

  #name(): string {
    return this.#child ? this.#child.spawnargs.join(" ") : "the other side";
  }

  #lastMessages(): string {
    const last = this.received.slice(-3).map((message) => `  ${JSON.stringify(message).slice(0, 400)}`);
    return last.length === 0 ? "\nnothing was received" : `\nlast received:\n${last.join("\n")}`;
  }

  #lastWords(): string {
    return this.stderr === "" ? "" : `\nits stderr:\n${this.stderr.slice(-4000)}`;
  }
}

function parseMessage(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isMessage = typeof value === "object" && value !== null && "jsonrpc" in value && value.jsonrpc === "2.0";
    return isMessage ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(updates: readonly SessionUpdate["update"][]): string {
  return updates
    .filter((update) => update.sessionUpdate === "agent_message_chunk")
    .map((update) => update.content?.text ?? "")
    .join("");
}
