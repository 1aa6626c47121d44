/**
 * The ways agents reach their tools, opened when the first session has any: a daemon whose agents may not delegate never loads
 * what speaks MCP, which is a third of its memory.
 */
import type { Duplex } from "node:stream";
import type { Agent } from "../agents/agent.ts";
import type { AccessTokens } from "../mcp/access.ts";
import type { HttpDoor } from "../mcp/http-door.ts";
import type { ToolContext } from "../mcp/tool.ts";
import type { Bus } from "../observe/bus.ts";
import { mayDelegate } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import { offerTools } from "./tool-offer.ts";

export interface ToolDoorsParts {
  tokens: AccessTokens;
  socketPath: string;
  context: ToolContext;
  bus: Bus;
}

export class ToolDoors {
  readonly #parts: ToolDoorsParts;
  #http: Promise<HttpDoor> | undefined;
  #url: string | null = null;

  constructor(parts: ToolDoorsParts) {
    this.#parts = parts;
  }

  /** Loopback address of the tools; null until a session has needed it. */
  get url(): string | null {
    return this.#url;
  }

  /** Entries for `mcpServers`; none for a session that may not delegate and has no conversation to give back. */
  async offer(session: Session, agent: Agent): Promise<Record<string, unknown>[]> {
    if (!mayDelegate(session) && session.origin !== "handoff") return [];
    const { tokens, socketPath } = this.#parts;
    const { url } = await this.#httpDoor();
    return offerTools(agent, { token: tokens.issue(session), mcpUrl: url, socketPath });
  }

  /** Serves a session's tools over a byte stream. Resolves when it listens; `onClosed` is called when the stream is closed. */
  async serve(stream: Duplex, session: Session, onClosed: () => void): Promise<void> {
    const { context, bus } = this.#parts;
    const { createToolServer } = await import("../mcp/server.ts");
    const { serveStream } = await import("../mcp/stream-door.ts");
    const onError = ({ message }: Error): void => bus.emit("warning", { where: "mcp", message, sessionId: session.id });
    void serveStream(stream, () => createToolServer(session, context), onError).then(onClosed);
  }

  async close(): Promise<void> {
    const http = await this.#http;
    await http?.close();
  }

  #httpDoor(): Promise<HttpDoor> {
    this.#http ??= this.#openHttpDoor();
    return this.#http;
  }

  async #openHttpDoor(): Promise<HttpDoor> {
    const { tokens, context, bus } = this.#parts;
    const { createToolServer } = await import("../mcp/server.ts");
    const { openHttpDoor } = await import("../mcp/http-door.ts");
    const door = await openHttpDoor({ tokens, serverFor: (session) => createToolServer(session, context), bus });
    this.#url = door.url;
    return door;
  }
}
