/**
 * The place where a test plays the agent itself. Profiles of the stage run test/agents/mirror.mjs, which brings both ends of the
 * agent's stdio here; what the test sees and says is then all that the daemon's agent hears and says.
 */
import { once } from "node:events";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAcpClient, type AcpClient, type RequestHandler } from "./acp-client.ts";
import { until } from "./conditions.ts";

const mirrorProgram = join(import.meta.dirname, "../agents/mirror.mjs");

/** One agent process, as the test plays it. */
export interface Actor {
  /** What the daemon sends it arrives here; what this sends is what the agent says. */
  readonly acp: AcpClient;
  /** The raw stream, for flow control and for hanging up. */
  readonly socket: Socket;
}

export interface MirrorProfile {
  /** Further lines of `[acp.agents.NAME]`. */
  settings?: string;
  /** Lines of `[acp.agents.NAME.delegation]`. */
  delegation?: string;
  /** Further arguments of the mirror. */
  args?: readonly string[];
}

/** Agents of the stage can do with conversations what there is to do, so that Crucible has them do it. */
const everything = { loadSession: true, sessionCapabilities: { list: {}, resume: {}, close: {}, delete: {} } };

export class MirrorStage implements AsyncDisposable {
  /** Every agent that was started, in order. */
  actors: Actor[] = [];
  /** How agents answer requests; may be changed while they run. `initialize` and `session/new` are answered already. */
  readonly handlers = new Map<string, RequestHandler>();
  readonly #folder: string;
  readonly #server: Server;
  #sessions = 0;
  #takeNext: ((socket: Socket) => void) | undefined;

  constructor(folder: string, server: Server) {
    this.#folder = folder;
    this.#server = server;
    server.on("connection", (socket) => this.#enter(socket));
    this.#answerTheLeast();
  }

  /** A part of crucible.toml: a profile whose agents come to this stage. */
  profile(name: string, { settings = "", delegation, args = [] }: MirrorProfile = {}): string {
    const command = JSON.stringify([mirrorProgram, join(this.#folder, "s"), ...args]);
    const lines = [
      `[acp.agents.${name}]`,
      `command = ${JSON.stringify(process.execPath)}`,
      `args = ${command}`,
      settings,
    ];
    // What the agent is given, the test uses in its place, and the test is in no sandbox.
    lines.push(`[acp.agents.${name}.sandbox]`, 'mode = "off"');
    if (delegation !== undefined) lines.push(`[acp.agents.${name}.delegation]`, delegation);
    return `${lines.join("\n")}\n`;
  }

  /** The agent that was started as number `index`, counted from 0. */
  actor(index = 0): Promise<Actor> {
    return until(() => this.actors[index], { what: `agent ${index} to start` });
  }

  /** An id as agents give them; no two agents of a stage give the same. */
  newSessionId(): string {
    this.#sessions++;
    return `agent-session-${this.#sessions}`;
  }

  /** The next agent that starts, as the bare stream: nothing is answered for it, not even `initialize`. */
  nextStream(): Promise<Socket> {
    return new Promise((resolve) => (this.#takeNext = resolve));
  }

  /** Answers a request of any agent of the stage. */
  onRequest(method: string, handler: RequestHandler): this {
    this.handlers.set(method, handler);
    return this;
  }

  /** Waits until all agents have ended, and begins anew. */
  async clear(): Promise<void> {
    const { actors } = this;
    await until(() => actors.every(({ socket }) => socket.destroyed), { what: "the agents to end" });
    this.actors = [];
    this.handlers.clear();
    this.#answerTheLeast();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.actors) socket.destroy();
    this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #answerTheLeast(): void {
    this.handlers.set("initialize", () => ({ protocolVersion: 1, agentCapabilities: everything }));
    this.handlers.set("session/new", () => ({ sessionId: this.newSessionId() }));
  }

  #enter(socket: Socket): void {
    if (this.#takeNext) {
      this.#takeNext(socket);
      this.#takeNext = undefined;
      return;
    }
    const acp = connectAcpClient({ input: socket, output: socket });
    acp.onRequest("*", (params, message) => {
      const handler = this.handlers.get(message.method ?? "") ?? this.handlers.get("*");
      if (handler) return handler(params, message);
      return new Promise(() => {});
    });
    this.actors.push({ acp, socket });
  }
}

export async function openMirrorStage(): Promise<MirrorStage> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "stage-")));
  const server = createServer();
  server.listen(join(folder, "s"));
  await once(server, "listening");
  return new MirrorStage(folder, server);
}
