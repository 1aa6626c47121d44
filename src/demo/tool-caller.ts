/**
 * The least that is needed to call a tool of an MCP server over HTTP (MCP 2025-11-25, "Streamable HTTP"): initialize, call,
 * read the answer from JSON or from an event stream, say goodbye. Cancelling is told to the server.
 */
import { programVersion } from "../base/version.ts";

const protocolVersion = "2025-11-25";

export interface ToolResult {
  content?: { type: string; text?: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
}

interface Answer {
  id?: unknown;
  result?: unknown;
  error?: { message: string };
}

export interface ToolServer {
  url: string;
  headers: readonly { name: string; value: string }[];
}

/** Connected from `open` until it is disposed of. */
export class ToolCaller implements AsyncDisposable {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  #lastId = 0;

  private constructor({ url, headers }: ToolServer) {
    this.#url = url;
    this.#headers = {
      ...Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value])),
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
  }

  static async open(server: ToolServer, signal: AbortSignal): Promise<ToolCaller> {
    const caller = new ToolCaller(server);
    const clientInfo = { name: "crucible-demo-planner", version: programVersion() };
    await caller.#request("initialize", { protocolVersion, capabilities: {}, clientInfo }, signal);
    caller.#headers["mcp-protocol-version"] = protocolVersion;
    await caller.#post({ method: "notifications/initialized" });
    return caller;
  }

  /** Rejects with the signal's reason when it aborts; a tool that failed is a result with `isError`. */
  async call(name: string, args: Record<string, unknown>, signal: AbortSignal): Promise<ToolResult> {
    // With a token the server reports progress, and no timeout on the way mistakes long work for a dead connection.
    const progressToken = `${name}-${this.#lastId + 1}`;
    return (await this.#request(
      "tools/call",
      { name, arguments: args, _meta: { progressToken } },
      signal,
    )) as ToolResult;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#headers["mcp-session-id"] === undefined) return;
    const { body } = await fetch(this.#url, { method: "DELETE", headers: this.#headers });
    await body?.cancel();
  }

  async #request(method: string, params: Record<string, unknown>, signal: AbortSignal): Promise<unknown> {
    const id = ++this.#lastId;
    try {
      const response = await this.#post({ id, method, params }, signal);
      const { result, error } = await answerTo(id, response);
      if (error) throw new Error(`${method} failed: ${error.message}`);
      return result;
    } catch (error) {
      if (signal.aborted) await this.#post({ method: "notifications/cancelled", params: { requestId: id } });
      throw error;
    }
  }

  async #post(message: Record<string, unknown>, signal?: AbortSignal): Promise<Response> {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    const response = await fetch(this.#url, { method: "POST", headers: this.#headers, body, signal: signal ?? null });
    if (!response.ok) throw new Error(`the tool server answered ${response.status}: ${await response.text()}`);
    const sessionId = response.headers.get("mcp-session-id");
    if (sessionId !== null) this.#headers["mcp-session-id"] = sessionId;
    // Only requests have answers; what else comes back need not be read.
    if (message["id"] === undefined) await response.body?.cancel();
    return response;
  }
}

async function answerTo(id: number, response: Response): Promise<Answer> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return (await response.json()) as Answer;
  for await (const message of eventsOf(response)) if (message.id === id) return message;
  throw new Error("the tool server closed the stream before it answered");
}

/** The messages of an event stream (WHATWG HTML, "Server-sent events"): an empty line ends an event. */
async function* eventsOf(response: Response): AsyncGenerator<Answer> {
  let rest = "";
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (rest + text).split(/\r?\n\r?\n/);
    rest = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
      const data = lines.map((line) => line.slice("data:".length)).join("\n");
      if (data.trim() !== "") yield JSON.parse(data) as Answer;
    }
  }
}
