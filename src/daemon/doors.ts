/**
 * What stands behind the socket: opens the door a caller asked for in its greeting, or tells it why not.
 */
import type { Socket } from "node:net";
import { toErrorObject } from "../acp/error-object.ts";
import { messageOf } from "../base/errors.ts";
import { isId } from "../base/ids.ts";
import type { AgentProfile } from "../config/config.ts";
import { daemonVersion } from "../control/errors.ts";
import { farewell, outlivesDaemon, refusalLine, socketProtocol, type Hello } from "../control/hello.ts";
import { conversationBefore } from "../delegation/context.ts";
import type { Delegations } from "../delegation/delegations.ts";
import type { Handoffs } from "../delegation/handoff.ts";
import type { ChildrenShown } from "../display/children-shown.ts";
import { tellLostDelegations } from "../display/lost.ts";
import { EditorConnection } from "../editor/connection.ts";
import type { EditorPorts } from "../editor/ports.ts";
import type { AccessTokens } from "../mcp/access.ts";
import { kilnOf, requireInRoots } from "../kiln/open-kiln.ts";
import type { Bus } from "../observe/bus.ts";
import { rootGrant } from "../sessions/grant.ts";
import type { Deleted, Store } from "../sessions/records.ts";
import type { SessionRegistry } from "../sessions/registry.ts";
import type { Session } from "../sessions/session.ts";
import { serveControl, type ControlHandlers } from "./control-door.ts";
import { sessionTaken, socketKeyRequired, tokenUnknown } from "./errors.ts";
import { kilnOfEditor, type Boundaries } from "./boundaries.ts";
import type { AgentPrograms } from "./agent-programs.ts";
import type { LeftSessions } from "./left-sessions.ts";
import type { LiveConfig } from "./live-config.ts";
import { chooseProfile, profileNamed } from "./profiles.ts";
import { refuseCaller } from "./refused-caller.ts";
import { holdBack, type RunningAgents } from "./running-agents.ts";
import type { SessionFactory } from "./session-factory.ts";
import type { CheckedGreeting } from "./socket-server.ts";
import type { ToolDoors } from "./tool-doors.ts";

export interface DoorsParts {
  config: LiveConfig;
  bus: Bus;
  store: Store;
  registry: SessionRegistry;
  version: string;
  agents: RunningAgents;
  boundaries: Boundaries;
  programs: AgentPrograms;
  sessions: SessionFactory;
  delegations: Delegations;
  left: LeftSessions;
  handoffs: Handoffs;
  shown: ChildrenShown;
  tokens: AccessTokens;
  tools: ToolDoors;
  control: ControlHandlers;
  /** Deletes a stored session with all that belongs to it. */
  remove: (sessionId: string) => Promise<Deleted>;
}

type EditorHello = Extract<Hello, { door: "editor" }>;

export class Doors {
  readonly #parts: DoorsParts;
  readonly #editors = new Set<EditorConnection>();
  /** Of callers that outlive this daemon. */
  readonly #lasting = new Set<Socket>();
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  constructor(parts: DoorsParts) {
    this.#parts = parts;
  }

  get editorCount(): number {
    return this.#editors.size;
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Resolves when somebody listens to the socket; until then what comes must be held back. */
  async open(socket: Socket, greeting: CheckedGreeting): Promise<void> {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // A caller that vanishes shows up as an error first; its door notices the close.
    socket.on("error", () => {});
    try {
      await this.#enter(socket, greeting);
    } catch (error) {
      const { hello, protocol } = greeting;
      // Of another version nobody knows what it would take that line for.
      if (outlivesDaemon(hello) && protocol === socketProtocol) socket.write(refusalLine(toErrorObject(error)));
      refuseCaller(socket, error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  /** Ends all editors and what is theirs, then hangs up on everyone. */
  async close(): Promise<void> {
    for (const socket of this.#lasting) socket.write(farewell);
    await Promise.all([...this.#editors].map((editor) => editor.end()));
    for (const socket of this.#sockets) socket.destroy();
  }

  async #enter(socket: Socket, { protocol, version, hello, holdsKey }: CheckedGreeting): Promise<void> {
    if (protocol !== socketProtocol) throw versionMismatch({ protocol, version }, this.#parts.version);
    // Tools of one session have a token of their own; every other door is the user's.
    if (!holdsKey && !("token" in hello)) throw keyRequired();
    if (outlivesDaemon(hello)) {
      this.#lasting.add(socket);
      socket.once("close", () => this.#lasting.delete(socket));
    }
    switch (hello.door) {
      case "control":
        return serveControl(socket, this.#parts.control, (error) =>
          this.#parts.bus.emit("bug", { where: "control door", error }),
        );
      case "editor":
        return this.#serveEditor(socket, await this.#chooseProfile(hello.agent), hello);
      case "mcp":
        return this.#serveTools(socket, await this.#callerOf(hello));
    }
  }

  #serveEditor(socket: Socket, profile: AgentProfile, { cwd, daemonsBefore }: EditorHello): void {
    const { bus } = this.#parts;
    const connection = ++this.#connections;
    const editor = new EditorConnection({ stream: socket, daemonsBefore }, profile, this.#editorPorts(cwd));
    this.#editors.add(editor);
    bus.emit("editor.connected", { connection, agent: profile.name });
    void editor.closed().then(() => {
      this.#editors.delete(editor);
      bus.emit("editor.closed", { connection, sessions: editor.sessionCount });
    });
  }

  #editorPorts(cwd: string): EditorPorts {
    const { config, bus, store, version, agents, boundaries, sessions, delegations, left, handoffs, shown, registry } =
      this.#parts;
    return {
      bus,
      store,
      version,
      startAgent: (profile, start) =>
        agents.start({
          profile,
          ...start,
          cwd,
          boundary: { worksFor: "editor", kiln: kilnOfEditor(cwd, config.current) },
          hasTools: true,
        }),
      knownAnswer: (profile, initialize) => agents.knownAnswer(profile, initialize),
      profileOf: (id) => {
        const record = store.findSession(id);
        return record && profileNamed(config.current, record.profile);
      },
      liveSession: (id) => registry.get(id),
      recap: (session) => conversationBefore(session.transcript),
      requireReachable: (place) => requireInRoots(place, config.current),
      createSession: (plan) => {
        const kiln = kilnOf(plan, config.current);
        boundaries.requireReach({ profile: plan.profile, directories: kiln.directories, cwd });
        return sessions.create({ ...plan, origin: "editor", grant: rootGrant(plan.profile), kiln });
      },
      withExtras: (params, session, agent) => sessions.withExtras(params, session, agent),
      attach: (session, agent, agentSessionId) => sessions.attach(session, agent, agentSessionId),
      applySettings: (opening) => sessions.applySettings(opening),
      cancelChild: (id, roots) => {
        const child = shown.cancellable(id, roots);
        if (child) delegations.ofChild(child)?.cancel("the user cancelled it in the editor");
      },
      congested: (roots, isCongested) => {
        const all = [...roots];
        shown.congested(all, isCongested);
        const successors = all.flatMap((root) => [...root.children].filter(({ origin }) => origin === "handoff"));
        for (const session of successors) holdBack(session, isCongested);
      },
      restored: (session) => tellLostDelegations(session, { store, since: performance.timeOrigin }),
      reopened: (session) => {
        handoffs.reopened(session);
        shown.reopened(session);
      },
      leave: (session, why) => left.leave(session, why),
      takeBack: (id) => left.takeBack(id),
      remove: this.#parts.remove,
      agentGone: (orphans) => {
        for (const session of orphans) delegations.cancelChildrenOf(session, "the agent that asked has exited");
      },
    };
  }

  /**
   * The session whose tools an MCP client gets: the one its token stands for, or one for the life of the connection, new or the one
   * it had with the daemon before.
   */
  async #callerOf(hello: Extract<Hello, { door: "mcp" }>): Promise<Session> {
    if ("token" in hello) {
      const session = this.#parts.tokens.find(hello.token);
      if (session) return session;
      throw tokenUnknown.create("the session these tools belong to has ended", { hint: "open a new session" });
    }
    const profile = await this.#chooseProfile(hello.agent);
    const grant = rootGrant(profile);
    const { cwd, session: id } = hello;
    const kiln = kilnOf({ cwd }, this.#parts.config.current);
    if (id !== undefined) await this.#requireFree(id);
    return this.#parts.sessions.createCaller({
      ...(id === undefined ? {} : { id }),
      origin: "mcp",
      profile,
      grant,
      kiln,
      cwd,
    });
  }

  /** The id of an MCP client's session is its own to choose, but nobody else's. */
  async #requireFree(id: string): Promise<void> {
    const { store, registry } = this.#parts;
    const taken = registry.get(id) ?? store.findSession(id);
    if (!isId(id, "ses") || (taken && taken.origin !== "mcp")) {
      throw sessionTaken.create(`${id} is not the id of an MCP client's session`, {
        hint: "start `crucible mcp` again",
      });
    }
    await registry.get(id)?.end("its MCP client connected again");
  }

  #chooseProfile(name: string | undefined): Promise<AgentProfile> {
    return chooseProfile(name, { config: this.#parts.config.current, programs: this.#parts.programs });
  }

  async #serveTools(socket: Socket, session: Session): Promise<void> {
    session.scope.add("tool connection", () => void socket.destroy());
    await this.#parts.tools.serve(socket, session, () => {
      if (session.origin === "mcp") void session.end("the MCP client closed its connection");
    });
  }
}

function keyRequired(): Error {
  return socketKeyRequired.create("the key of this socket was not shown, so the caller may not act for the user", {
    hint: "agents have the tools of their own session and nothing else; outside of a sandbox, use a `crucible` of the same release",
  });
}

function versionMismatch(caller: { protocol: number; version: string }, daemon: string): Error {
  const callerIsOlder = caller.protocol < socketProtocol;
  return daemonVersion.create(
    `this is crucible ${caller.version}, but the daemon that runs is ${daemon}, and they cannot talk`,
    {
      hint: callerIsOlder
        ? `start this program again, so that it is crucible ${daemon} too; in an editor, start its agent again`
        : "end the daemon with `crucible stop` of its own version; the next command starts a new one",
    },
  );
}
