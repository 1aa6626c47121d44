/**
 * The ways agents reach their tools, opened when the first session has any: a daemon whose agents may not delegate never loads
 * what speaks MCP, which is a third of its memory.
 */
import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Agent } from "../agents/agent.ts";
import type { NetworkRule } from "../config/config.ts";
import { Lazy } from "../base/lazy.ts";
import type { AccessTokens } from "../mcp/access.ts";
import type { HttpDoor } from "../mcp/http-door.ts";
import type { ToolContext } from "../mcp/tool.ts";
import type { Bus } from "../observe/bus.ts";
import { mayDelegate } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import type { Greeting } from "../control/hello.ts";
import { toolSocketFolderOf } from "./boundaries.ts";
import { doorClosed } from "./errors.ts";
import { preparePrivateFolder } from "./private-folder.ts";
import { refuseCaller } from "./refused-caller.ts";
import { listenOnSocket, type SocketServer } from "./socket-server.ts";
import { offerTools } from "./tool-offer.ts";

export interface ToolDoorsParts {
  tokens: AccessTokens;
  socketPath: string;
  /** Opens a door of the daemon for whoever came through the sockets of tools. */
  openDoor: (socket: Socket, greeting: Greeting) => Promise<void>;
  /** What agents in a sandbox may reach. */
  network: () => NetworkRule;
  context: ToolContext;
  bus: Bus;
}

/** In a folder of its own, which is all of the daemon that an agent in a sandbox is given. */
export const toolSocketName = "mcp.sock";

/** One that may delegate, or has a conversation to give back. */
export function hasTools(session: Session): boolean {
  return mayDelegate(session) || session.origin === "handoff";
}

export class ToolDoors {
  readonly #parts: ToolDoorsParts;
  readonly #http = new Lazy(() => this.#openHttpDoor());
  readonly #socket = new Lazy(() => this.#listen());
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
    if (!hasTools(session)) return [];
    const { tokens, network } = this.#parts;
    const { url } = await this.#http.get();
    const { toolSockets } = agent;
    // Where the network is closed, loopback inside is not this one.
    const isCut = toolSockets !== undefined && network() !== "open";
    const socketPath = toolSockets === undefined ? this.#parts.socketPath : join(toolSockets, toolSocketName);
    return offerTools(agent, { token: tokens.issue(session), mcpUrl: isCut ? undefined : url, socketPath });
  }

  /** Serves a session's tools over a byte stream. Resolves when it listens; `onClosed` is called when the stream is closed. */
  async serve(stream: Duplex, session: Session, onClosed: () => void): Promise<void> {
    const { context, bus } = this.#parts;
    const { createToolServer } = await import("../mcp/server.ts");
    const { serveStream } = await import("../mcp/stream-door.ts");
    const onError = ({ message }: Error): void => bus.emit("warning", { where: "mcp", message, sessionId: session.id });
    void serveStream(stream, () => createToolServer(session, context), onError).then(onClosed);
  }

  /** Opens the socket for agents that must not reach the daemon's own, if it is not open; gives its folder. */
  async openSockets(): Promise<string> {
    await this.#socket.get();
    return this.#socketFolder;
  }

  async close(): Promise<void> {
    const [http, socket] = [await this.#http.opened(), await this.#socket.opened()];
    await http?.close();
    await socket?.close();
    if (socket) rmSync(this.#socketFolder, { recursive: true, force: true });
  }

  get #socketFolder(): string {
    return toolSocketFolderOf(this.#parts.socketPath);
  }

  async #listen(): Promise<SocketServer> {
    const folder = this.#socketFolder;
    preparePrivateFolder(folder);
    return listenOnSocket(join(folder, toolSocketName), async (socket, greeting) => {
      // Nothing else is to be had here, whatever the daemon's own socket offers.
      if (greeting.hello.door === "mcp" && "token" in greeting.hello) await this.#parts.openDoor(socket, greeting);
      else
        refuseCaller(
          socket,
          doorClosed.create("this socket leads to a session's tools and to nothing else", {
            hint: "agents in a sandbox cannot reach the rest of the daemon",
          }),
        );
    });
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
