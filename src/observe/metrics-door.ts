/**
 * The place on loopback where Prometheus reads the figures: GET /metrics, for callers that name this very host and port (a web
 * page that had its name point here does not). Open only while a port is configured; a port that is taken is a warning.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { messageOf } from "../base/errors.ts";
import type { Metrics, MetricsParts } from "./metrics.ts";

/** Time a caller has for its request, in milliseconds. */
export const requestTimeoutMs = 5000;

/** Callers at once; further ones are closed. */
export const maxCallers = 16;

export interface MetricsDoorParts extends MetricsParts {
  requestTimeoutMs?: number;
}

interface OpenDoor {
  readonly port: number;
  readonly server: Server;
  readonly metrics: Metrics;
}

export class MetricsDoor {
  readonly #parts: MetricsDoorParts;
  #open: OpenDoor | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: MetricsDoorParts) {
    this.#parts = parts;
  }

  /** Listens on this port from now on, or on none. One change after the other; never rejects. */
  moveTo(port: number | undefined): Promise<void> {
    this.#work = this.#work.then(() => this.#moveTo(port));
    return this.#work;
  }

  close(): Promise<void> {
    return this.moveTo(undefined);
  }

  async #moveTo(port: number | undefined): Promise<void> {
    if (this.#open?.port === port) return;
    await this.#shut();
    if (port === undefined) return;
    try {
      this.#open = await this.#listen(port);
    } catch (error) {
      const message = `no metrics on 127.0.0.1:${port}: ${messageOf(error)}; set another metrics_port under [server]`;
      this.#parts.bus.emit("warning", { where: "metrics", message });
    }
  }

  async #shut(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    open.metrics.close();
    open.server.closeAllConnections();
    await new Promise<void>((resolve) => open.server.close(() => resolve()));
  }

  async #listen(port: number): Promise<OpenDoor> {
    const { collectMetrics } = await import("./metrics.ts");
    const metrics = collectMetrics(this.#parts);
    const limitMs = this.#parts.requestTimeoutMs ?? requestTimeoutMs;
    // Node.js looks only now and then, and has half a minute between two looks by itself.
    const server = createServer(
      { requestTimeout: limitMs, headersTimeout: limitMs, connectionsCheckingInterval: Math.min(1000, limitMs) },
      (request, response) => void answer(request, response, { metrics, port }),
    );
    server.maxConnections = maxCallers;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, "127.0.0.1", resolve);
      });
    } catch (error) {
      metrics.close();
      throw error;
    }
    return { port, server, metrics };
  }
}

async function answer(
  { method, url, headers }: IncomingMessage,
  response: ServerResponse,
  { metrics, port }: Pick<OpenDoor, "metrics" | "port">,
): Promise<void> {
  const refuse = (status: number, why: string): void => void response.writeHead(status).end(`${why}\n`);
  if (headers.host !== `127.0.0.1:${port}` && headers.host !== `localhost:${port}`) return refuse(403, "another host");
  if (url?.split("?")[0] !== "/metrics") return refuse(404, "only /metrics is here");
  if (method !== "GET") return refuse(405, "only GET");
  response.writeHead(200, { "content-type": metrics.contentType }).end(await metrics.text());
}
