/**
 * The tools over HTTP on loopback (MCP, "Streamable HTTP"), each request under the bearer token of one session. Serves
 * clients of the 2026 revision, where every request stands alone, and of the 2025 revisions, which keep a connection.
 * Everything it hears is untrusted until the token is known.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from "@modelcontextprotocol/node";
import { createMcpHandler, isLegacyRequest, type AuthInfo, type Server } from "@modelcontextprotocol/server";
import { newToken } from "../base/ids.ts";
import type { Bus } from "../observe/bus.ts";
import type { Session } from "../sessions/session.ts";
import type { AccessTokens } from "./access.ts";

/** Largest request body, in bytes: tasks and contexts are text. */
export const maxBodyBytes = 4 * 1024 * 1024;

/** Largest header block, in bytes. */
export const maxHeaderBytes = 16 * 1024;

/** Connections of 2025 clients one session may keep; the oldest goes when there is one more. */
export const maxConnectionsPerSession = 16;

export interface HttpDoor {
  /** `http://127.0.0.1:PORT/mcp` */
  readonly url: string;
  close(): Promise<void>;
}

export interface HttpDoorOptions {
  tokens: AccessTokens;
  serverFor: (session: Session) => Server;
  bus: Bus;
}

type AuthorizedRequest = IncomingMessage & { auth?: AuthInfo };

export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const { tokens, serverFor, bus } = options;
  const hostAllowed = localhostHostValidation();
  const originAllowed = localhostOriginValidation();
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
    if (!hostAllowed(request, response) || !originAllowed(request, response)) return;
    if (request.url?.split("?")[0] !== "/mcp") return refuse(response, 404, "not found");
    const token = bearerToken(request);
    const session = token === undefined ? undefined : tokens.find(token);
    if (!session || token === undefined) return refuse(response, 401, "a bearer token of a live session is required");

    const body = request.method === "POST" ? await readJson(request, response) : undefined;
    if (request.method === "POST" && body === undefined) return;
    request.auth = { token, clientId: session.id, scopes: [] };
    const isLegacy = await isLegacyRequest(await toWebRequest(request, body), body);
    if (isLegacy || request.method !== "POST") await legacy.handle(session, request, response, body);
    else await handleModern(request, response, body);
  }

  const server = createServer({ maxHeaderSize: maxHeaderBytes }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      bus.emit("bug", { where: "mcp over http", error });
      if (!response.headersSent) refuse(response, 500, "internal error");
      else response.end();
    });
  });
  // A delegation may run for hours within one request; a client that is slow to send one may not.
  server.requestTimeout = 60_000;
  server.timeout = 0;
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

/** Keeps the connections of 2025 clients, each of which lives from its `initialize` to the end of its session. */
function legacyConnections(serverFor: (session: Session) => Server): {
  handle(session: Session, request: AuthorizedRequest, response: ServerResponse, body: unknown): Promise<void>;
} {
  const connections = new WeakMap<Session, Map<string, NodeStreamableHTTPServerTransport>>();

  function connectionsOf(session: Session): Map<string, NodeStreamableHTTPServerTransport> {
    const known = connections.get(session);
    if (known) return known;
    const created = new Map<string, NodeStreamableHTTPServerTransport>();
    connections.set(session, created);
    session.scope.add("mcp connections", async () => {
      for (const transport of created.values()) await transport.close();
    });
    return created;
  }

  async function connect(session: Session): Promise<NodeStreamableHTTPServerTransport> {
    const open = connectionsOf(session);
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: newToken,
      onsessioninitialized: (id) => void open.set(id, transport),
      onsessionclosed: (id) => void open.delete(id),
    });
    await serverFor(session).connect(transport);
    const [oldest] = open.size >= maxConnectionsPerSession ? [...open.entries()] : [];
    if (oldest) {
      open.delete(oldest[0]);
      await oldest[1].close();
    }
    return transport;
  }

  return {
    async handle(session, request, response, body) {
      const id = request.headers["mcp-session-id"];
      const known = typeof id === "string" ? connectionsOf(session).get(id) : undefined;
      if (typeof id === "string" && !known) return refuse(response, 404, "no such MCP session; initialize again");
      const transport = known ?? (await connect(session));
      await transport.handleRequest(request, response, body);
    },
  };
}

function bearerToken(request: IncomingMessage): string | undefined {
  return /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

/** The body as JSON; answers itself and gives undefined when it is too large or no JSON. */
async function readJson(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    // Some more is read and thrown away, so that the client is done sending and hears why.
    else if (bytes > 2 * maxBodyBytes) break;
  }
  if (bytes > maxBodyBytes) {
    response.setHeader("connection", "close");
    refuse(response, 413, `a request may have at most ${maxBodyBytes} bytes`);
    return undefined;
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch {
    refuse(response, 400, "expected a JSON-RPC message");
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (status === 401) headers["www-authenticate"] = "Bearer";
  response.writeHead(status, headers);
  response.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32600, message } }));
}
