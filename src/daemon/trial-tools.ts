/**
 * Crucible's tools for an agent that is only tried: the same two doors as a session's (tool-doors.ts), in a folder that goes away.
 * What they tell is whether the agent comes through one of them and asks for the list, which costs no word of its model.
 */
import { join } from "node:path";
import type { Server } from "@modelcontextprotocol/server";
import type { Agent } from "../agents/agent.ts";
import { deferred } from "../base/deferred.ts";
import { newId } from "../base/ids.ts";
import { Scope } from "../base/scope.ts";
import type { AccessTokens, TokenOwner } from "../mcp/access.ts";
import type { Bus } from "../observe/bus.ts";
import { doorClosed } from "./errors.ts";
import { refuseCaller } from "./refused-caller.ts";
import { listenOnSocket } from "./socket-server.ts";
import { toolSocketName } from "./tool-doors.ts";
import { offerTools } from "./tool-offer.ts";

/** What one agent is given, and what came of it. */
export interface TrialOffer {
  /** Entries for `mcpServers`. */
  readonly servers: Record<string, unknown>[];
  readonly over: "http" | "stdio";
  /** Resolves when this agent has asked for the list of tools. */
  readonly listed: Promise<void>;
}

export interface TrialTools {
  /** Folder of the socket, for agents in a sandbox. */
  readonly folder: string;
  offer(agent: Agent): TrialOffer;
  close(): Promise<void>;
}

interface Tried extends TokenOwner {
  readonly listed: () => void;
}

export async function openTrialTools(folder: string, bus: Bus): Promise<TrialTools> {
  const { AccessTokens: Tokens } = await import("../mcp/access.ts");
  const { openHttpDoor } = await import("../mcp/http-door.ts");
  const { createTrialServer } = await import("../mcp/trial-server.ts");
  const tokens: AccessTokens<Tried> = new Tokens<Tried>();
  const serverFor = ({ listed }: Tried): Server => createTrialServer(listed);
  const scope = new Scope((where, error) => bus.emit("bug", { where, error }));
  const http = await openHttpDoor({ tokens, serverFor, bus });
  scope.add("http door", () => http.close());
  const socketPath = join(folder, toolSocketName);
  const socket = await listenOnSocket(socketPath, async (stream, { hello }) => {
    const { serveStream } = await import("../mcp/stream-door.ts");
    const owner = hello.door === "mcp" && "token" in hello ? tokens.find(hello.token) : undefined;
    if (owner)
      void serveStream(
        stream,
        () => serverFor(owner),
        () => {},
      );
    else refuseCaller(stream, doorClosed.create("this socket leads to a trial's tools and to nothing else"));
  });
  scope.add("socket", () => socket.close());

  return {
    folder,
    offer(agent) {
      const listed = deferred<void>();
      const token = tokens.issue({ id: newId("ses"), scope, listed: () => listed.resolve() });
      const path = join(agent.toolSockets ?? folder, toolSocketName);
      const servers = offerTools(agent, { token, mcpUrl: agent.isOffline ? undefined : http.url, socketPath: path });
      return { servers, over: servers.some(({ type }) => type === "http") ? "http" : "stdio", listed: listed.promise };
    },
    close: () => scope.close(),
  };
}
