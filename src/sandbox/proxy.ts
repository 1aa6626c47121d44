/**
 * The way out for agents whose network is a list of hosts: an HTTP proxy on a unix socket (RFC 9110, "CONNECT", and requests in
 * absolute form). It looks names up itself and connects to the address it has looked at, so that a name cannot mean one thing
 * when it is checked and another when it is used; where the daemon's own environment names a proxy, that one is given the
 * name. What passes through it is not looked at.
 */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { lookup as systemLookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import type { Duplex } from "node:stream";
import { messageOf } from "../base/errors.ts";
import type { Environment } from "../base/paths.ts";
import { oneLine } from "../base/text.ts";
import { allows, destinationOf, isNear as isNearAddress, nearAddresses, type Destination } from "./network-rule.ts";
import { placeOf, tunnelThrough, upstreamFor, type WayKind } from "./upstream-proxy.ts";

/** How long a connection to a host may take to stand, in milliseconds. */
export const proxyConnectTimeoutMs = 30_000;

/** Connections of all agents through the proxy at once; further ones are closed. */
export const maxProxyConnections = 1024;

export interface ProxyOptions {
  readonly path: string;
  /** The list as it is at the moment of a request; nothing else than a list allows nothing. */
  readonly rules: () => readonly string[];
  /** Hears of refused hosts, in words. */
  readonly onRefused: (message: string) => void;
  /** May name a proxy that the way to a host leads through. */
  readonly env: Environment;
  /** Addresses of a name. Default: what the system says. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
  /** Whether an address is this machine or next to it. Default: by what the system says of itself. */
  readonly isNear?: (address: string) => boolean;
}

export interface Proxy {
  close(): Promise<void>;
}

interface Refusal {
  readonly status: 400 | 403 | 502;
  readonly message: string;
}

/** To a destination that may be reached: its address, or the proxy that finds it. */
type Way = { readonly to: Destination } & ({ readonly address: string } | { readonly upstream: URL });

/** Listens on the socket, which must not exist yet. */
export async function openProxy(options: ProxyOptions): Promise<Proxy> {
  const { path, rules, onRefused, env, lookup = addressesOf, isNear = isNearThisMachine } = options;
  const open = new Set<Duplex>();

  async function decide(kind: WayKind, to: Destination | undefined): Promise<Way | Refusal> {
    if (!to) return { status: 400, message: "expected HOST:PORT" };
    const name = `${to.host}:${to.port}`;
    if (!allows(rules(), to)) {
      return forbidden(
        `${name} is not among the hosts of network under [kiln]; add ${JSON.stringify(name)} to allow it`,
      );
    }
    const upstream = upstreamFor(env, kind, to);
    const addresses = await lookup(to.host).catch((error: unknown) => messageOf(error));
    if (typeof addresses === "string") {
      // Behind a proxy many machines cannot look up what lies outside.
      return upstream ? { to, upstream } : { status: 502, message: `${to.host}: ${addresses}` };
    }
    const address = addresses.find((one) => !isNear(one));
    if (address === undefined) {
      return forbidden(`${name} leads to this machine or its nearest neighbours, which no list opens`);
    }
    return upstream ? { to, upstream } : { to, address };
  }

  function forbidden(message: string): Refusal {
    onRefused(oneLine(message, 300));
    return { status: 403, message };
  }

  async function tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    track(client);
    const hungUp = goneWith(client);
    const way = await decide("https", destinationOf(request.url ?? ""));
    const server = "status" in way ? way : await connectedBy(way, hungUp);
    if ("status" in server) {
      client.end(responseText(server));
      return;
    }
    track(server);
    server.once("close", () => client.destroy());
    client.once("close", () => server.destroy());
    if (client.destroyed) server.destroy();
    client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    if (head.length > 0) server.write(head);
    server.pipe(client);
    client.pipe(server);
  }

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = absoluteUrl(request.url);
    const to = target && { host: target.hostname.replace(/^\[|\]$/g, ""), port: Number(target.port || 80) };
    const way = await decide("http", to);
    if ("status" in way || !target) return refuse(response, way as Refusal);
    const { "proxy-connection": _connection, "proxy-authorization": _authorization, ...headers } = request.headers;
    const what = `${target.pathname}${target.search}`;
    const place =
      "address" in way
        ? { host: way.address, port: way.to.port, headers: {}, path: what }
        : { ...placeOf(way.upstream), path: `http://${target.host}${what}` };
    const socket = await connectedTo(place, goneWith(response)).catch(messageOf);
    if (typeof socket === "string") return refuse(response, { status: 502, message: socket });
    track(socket);
    const onward = httpRequest({
      path: place.path,
      method: request.method,
      headers: { ...headers, host: target.host, ...place.headers },
      createConnection: () => socket,
    });
    onward.once("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.once("error", (error) => {
      if (response.headersSent) response.destroy();
      else refuse(response, { status: 502, message: error.message });
    });
    response.once("close", () => onward.destroy());
    request.pipe(onward);
  }

  function track(stream: Duplex): void {
    open.add(stream);
    stream.once("close", () => open.delete(stream));
    // Whoever hangs up in the middle has a right to.
    stream.on("error", () => {});
  }

  const server = createServer((request, response) => void forward(request, response));
  server.on("connect", (request, client, head) => void tunnel(request, client, head));
  server.on("connection", (socket: Socket) => track(socket));
  server.maxConnections = maxProxyConnections;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return {
    async close() {
      for (const stream of open) stream.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Aborts when a caller hangs up. */
function goneWith(caller: Duplex | ServerResponse): AbortSignal {
  const gone = new AbortController();
  caller.once("close", () => gone.abort());
  return gone.signal;
}

/** The connection, once it stands. */
async function connectedBy(way: Way, signal: AbortSignal): Promise<Socket | Refusal> {
  try {
    return "address" in way
      ? await connectedTo({ host: way.address, port: way.to.port }, signal)
      : await tunnelThrough(way.upstream, way.to, { timeoutMs: proxyConnectTimeoutMs, signal });
  } catch (error) {
    return { status: 502, message: messageOf(error) };
  }
}

function connectedTo({ host, port }: Destination, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    const tooLate = (): unknown => socket.destroy(new Error("it took too long to connect"));
    const timer = setTimeout(tooLate, proxyConnectTimeoutMs);
    socket.once("error", reject).once("close", () => clearTimeout(timer));
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

function absoluteUrl(url = ""): URL | undefined {
  if (!url.startsWith("http://") || !URL.canParse(url)) return undefined;
  return new URL(url);
}

async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host)) return [host];
  return (await systemLookup(host, { all: true })).map(({ address }) => address);
}

function isNearThisMachine(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((all = []) => all.map((one) => one.address));
  return isNearAddress(nearAddresses(own), address);
}

function refuse(response: ServerResponse, { status, message }: Refusal): void {
  response.writeHead(status, { "content-type": "text/plain", connection: "close" });
  response.end(`crucible: ${message}\n`);
}

const reasons = { 400: "Bad Request", 403: "Forbidden", 502: "Bad Gateway" } as const;

function responseText({ status, message }: Refusal): string {
  const body = `crucible: ${message}\n`;
  return (
    `HTTP/1.1 ${status} ${reasons[status]}\r\ncontent-type: text/plain\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  );
}
