/** A receiver of OTLP over HTTP (JSON) on loopback, which keeps the spans that it was sent. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  attributes: Record<string, unknown>;
  error: string | undefined;
}

interface WireAttribute {
  key: string;
  value: Record<string, unknown>;
}

interface WireSpan extends Omit<ReceivedSpan, "attributes" | "error"> {
  attributes: WireAttribute[];
  status: { code: number; message?: string };
}

interface WireBody {
  resourceSpans: { resource: { attributes: WireAttribute[] }; scopeSpans: { spans: WireSpan[] }[] }[];
}

export class Collector implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  /** Of whoever sent last. */
  resource: Record<string, unknown> = {};
  headers: IncomingMessage["headers"] = {};
  /** All that was sent, as it came. */
  text = "";
  requests = 0;
  readonly #server: Server;
  #hanging: ServerResponse[] | undefined;

  constructor(server: Server, isHanging: boolean) {
    this.#server = server;
    this.#hanging = isHanging ? [] : undefined;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => void this.#take(request, response));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on it answers, also what it was asked before. */
  goOn(): void {
    for (const response of this.#hanging ?? []) response.end("{}");
    this.#hanging = undefined;
  }

  /** The only span of this name. */
  one(name: string): ReceivedSpan {
    const [span, ...others] = this.spans.filter((candidate) => candidate.name === name);
    if (span && others.length === 0) return span;
    throw new Error(`expected one span ${name}; there are ${this.spans.map((each) => each.name).join(", ")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    this.headers = request.headers;
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += String(part);
    this.text += text;
    for (const { resource, scopeSpans } of (JSON.parse(text) as WireBody).resourceSpans) {
      this.resource = record(resource.attributes);
      this.spans.push(...scopeSpans.flatMap(({ spans }) => spans.map(received)));
    }
    response.setHeader("content-type", "application/json");
    if (this.#hanging) this.#hanging.push(response);
    else response.end("{}");
  }
}

/** One that is `hanging` takes what it is sent and does not answer. */
export async function startCollector({ hanging = false } = {}): Promise<Collector> {
  const server = createServer();
  const collector = new Collector(server, hanging);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return collector;
}

function received({ name, traceId, spanId, parentSpanId, attributes, status }: WireSpan): ReceivedSpan {
  const error = status.code === 2 ? (status.message ?? "") : undefined;
  return { name, traceId, spanId, parentSpanId, attributes: record(attributes), error };
}

function record(attributes: readonly WireAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
