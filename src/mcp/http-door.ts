/**
 * The tools over HTTP on loopback (MCP, "Streamable HTTP"), each request under the bearer token of one session. Serves
 * clients of the 2026 revision, where every request stands alone, and of the 2025 revisions, which keep a connection.
 * Everything it hears is untrusted until the token is known.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  isInitializeRequest,
  isLegacyRequest,
  type AuthInfo,
  type Server,
} from "@modelcontextprotocol/server";
import { newToken } from "../base/ids.ts";
import type { Bus } from "../observe/bus.ts";
import type { Session } from "../sessions/session.ts";
import type { AccessTokens, TokenOwner } from "./access.ts";
import { maxBodyBytes, readJsonBody } from "./json-body.ts";
import { foreignCaller } from "./local-caller.ts";

/** Largest header block, in bytes. */
export const maxHeaderBytes = 16 * 1024;

/** Time a caller has for its headers, in milliseconds; one that says nothing is hung up on then. */
export const headersTimeoutMs = 5000;

/** Time a caller has for a whole request, in milliseconds. The answer may take as long as it takes. */
export const requestTimeoutMs = 30_000;

/** How long a connection may stay open between two requests, in milliseconds. */
export const idleTimeoutMs = 5000;

/** Connections of all callers together; further ones are closed unheard. */
export const maxHttpConnections = 2048;

/** Requests of one session that may be under way at once, waiting calls and open streams counted; further ones are refused. */
export const maxRequestsPerSession = 256;

/** Connections of 2025 clients one session may keep; the oldest goes when there is one more. */
export const maxConnectionsPerSession = 16;

export interface HttpDoor {
  /** `http://127.0.0.1:PORT/mcp` */
  readonly url: string;
  close(): Promise<void>;
}

export interface HttpDoorOptions<Owner extends TokenOwner = Session> {
  tokens: AccessTokens<Owner>;
  serverFor: (session: Owner) => Server;
  bus: Bus;
  /** Tighter ones, for tests that reach them. */
  limits?: Partial<HttpLimits>;
}

const httpLimits = { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs, maxHttpConnections, maxRequestsPerSession };
type HttpLimits = typeof httpLimits;

const tokenRequired = "a bearer token of a live session is required";
const tooManyRequests = "too many requests of this session are under way; wait for some of them";

type AuthorizedRequest = IncomingMessage & { auth?: AuthInfo };

export async function openHttpDoor<Owner extends TokenOwner = Session>(
  options: HttpDoorOptions<Owner>,
): Promise<HttpDoor> {
  const { tokens, serverFor, bus } = options;
  const limits = { ...httpLimits, ...options.limits };
  const underWay = requestsUnderWay(limits.maxRequestsPerSession);
  const legacy = legacyConnections(serverFor);
  const onerror = (error: Error): void => bus.emit("warning", { where: "mcp", message: error.message });
  const modern = createMcpHandler(
    ({ authInfo }) => {
      const session = tokens.find(authInfo?.token ?? "");
      if (!session) throw new Error("the session of this token has ended");
      return serverFor(session);
    },
    { legacy: "reject", maxRequestBodySize: maxBodyBytes, onerror },
  );
  const handleModern = toNodeHandler(modern, { onerror, maxRequestBodySize: maxBodyBytes });

  async function handle(request: AuthorizedRequest, response: ServerResponse): Promise<void> {
    const foreign = foreignCaller(request, port);
    if (foreign !== undefined) return refuse(response, 403, foreign);
    if (request.url?.split("?")[0] !== "/mcp") return refuse(response, 404, "not found");
    const token = bearerToken(request);
    const session = tokens.find(token);
    if (!session) return refuse(response, 401, tokenRequired);
    if (!underWay.enter(session, response)) return refuse(response, 429, tooManyRequests);

    const body = request.method === "POST" ? await readJsonBody(request) : { json: undefined };
    if (!body) return;
    if ("refused" in body) return refuse(response, body.refused.status, body.refused.message);
    // A body takes its time, and the session may have ended meanwhile.
    if (!tokens.find(token)) return refuse(response, 401, tokenRequired);
    request.auth = { token, clientId: session.id, scopes: [] };
    const isLegacy = await isLegacyRequest(await toWebRequest(request, body.json), body.json);
    if (isLegacy || request.method !== "POST") await legacy.handle(session, request, response, body.json);
    else await handleModern(request, response, body.json);
  }

  const server = createServer(
    { maxHeaderSize: maxHeaderBytes, connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs) },
    (request, response) => {
      handle(request, response).catch((error: unknown) => {
        bus.emit("bug", { where: "mcp over http", error, sessionId: (request as AuthorizedRequest).auth?.clientId });
        if (!response.headersSent) refuse(response, 500, "internal error");
        else response.end();
      });
    },
  );
  server.headersTimeout = limits.headersTimeoutMs;
  server.requestTimeout = limits.requestTimeoutMs;
  server.keepAliveTimeout = limits.idleTimeoutMs;
  // A delegation may run for hours within one request.
  server.timeout = 0;
  server.maxConnections = limits.maxHttpConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      await modern.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Counts the requests of each session that are not answered yet. */
function requestsUnderWay(most: number): { enter(session: TokenOwner, response: ServerResponse): boolean } {
  const counts = new WeakMap<TokenOwner, number>();
  return {
    enter(session, response) {
      const count = counts.get(session) ?? 0;
      if (count >= most) return false;
      counts.set(session, count + 1);
      response.once("close", () => counts.set(session, (counts.get(session) ?? 1) - 1));
      return true;
    },
  };
}

/**
 * Keeps the connections of 2025 clients, each of which lives from its `initialize` to the end of its session. A request of none
 * (a client may do without) is answered by itself: its token says whose it is.
 */
function legacyConnections<Owner extends TokenOwner>(
  serverFor: (session: Owner) => Server,
): {
  handle(session: Owner, request: AuthorizedRequest, response: ServerResponse, body: unknown): Promise<void>;
} {
  const connections = new WeakMap<Owner, Map<string, NodeStreamableHTTPServerTransport>>();

  function connectionsOf(session: Owner): Map<string, NodeStreamableHTTPServerTransport> {
    const known = connections.get(session);
    if (known) return known;
    const created = new Map<string, NodeStreamableHTTPServerTransport>();
    connections.set(session, created);
    session.scope.add("mcp connections", async () => {
      for (const transport of created.values()) await transport.close();
    });
    return created;
  }

  async function connect(session: Owner): Promise<NodeStreamableHTTPServerTransport> {
    const open = connectionsOf(session);
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: newToken,
      onsessioninitialized: async (id) => {
        open.set(id, transport);
        const [oldest] = open.size > maxConnectionsPerSession ? [...open.entries()] : [];
        if (!oldest) return;
        open.delete(oldest[0]);
        await oldest[1].close();
      },
      onsessionclosed: (id) => void open.delete(id),
    });
    await serverFor(session).connect(transport);
    return transport;
  }

  async function answerAlone(session: Owner, response: ServerResponse): Promise<NodeStreamableHTTPServerTransport> {
    const transport = new NodeStreamableHTTPServerTransport();
    response.once("close", () => void transport.close());
    await serverFor(session).connect(transport);
    return transport;
  }

  return {
    async handle(session, request, response, body) {
      const id = request.headers["mcp-session-id"];
      const known = typeof id === "string" ? connectionsOf(session).get(id) : undefined;
      if (typeof id === "string" && !known) return refuse(response, 404, "no such MCP session; initialize again");
      const isAlone = request.method === "POST" && !known && !isInitializeRequest(body);
      const transport = known ?? (await (isAlone ? answerAlone(session, response) : connect(session)));
      await transport.handleRequest(request, response, body);
    },
  };
}

/** Empty if none is shown; an empty one is nobody's. */
function bearerToken(request: IncomingMessage): string {
  return /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (status === 401) headers["www-authenticate"] = "Bearer";
  // Who is refused is not heard out, and keeps no connection.
  if (status !== 404 && status !== 400) headers["connection"] = "close";
  response.writeHead(status, headers);
  response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32600, message } }));
}
