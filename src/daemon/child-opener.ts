/**
 * Starts the agent of a child session and opens the session on it: the port through which delegation reaches processes. A child
 * has an agent process of its own, which ends with its session.
 */
import { initializeForChild } from "../acp/capabilities.ts";
import { isRecord, RpcError, rpcCodes, type Listener } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";
import { agentAuth } from "../agents/errors.ts";
import { isInside } from "../base/paths.ts";
import { oneLine, shellCommand } from "../base/text.ts";
import type { AgentProfile } from "../config/config.ts";
import { cannotContinue } from "../delegation/errors.ts";
import type { DelegationPorts } from "../delegation/ports.ts";
import { agentStart } from "../process/errors.ts";
import type { Narrowing } from "../sessions/grant.ts";
import type { Kiln } from "../sessions/kiln.ts";
import { choose, chosenIn } from "../sessions/chosen.ts";
import type { SessionRecord, Store } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import type { RunningAgents } from "./running-agents.ts";
import type { SessionFactory } from "./session-factory.ts";
import { hasTools } from "./tool-doors.ts";

export interface ChildOpenerParts {
  agents: RunningAgents;
  sessions: SessionFactory;
  store: Store;
  version: string;
}

export function childOpener({ agents, sessions, store, version }: ChildOpenerParts): DelegationPorts["openChild"] {
  return async (request) => {
    const { id, caller, profile, grant, narrowing, model, mode, continues, asFork, title, kiln, cwd, client } = request;
    const { onNote, signal } = request;
    // One that goes on keeps what was chosen for it when it began.
    const before = continues ? chosenIn(store, continues.id) : undefined;
    const settled = {
      ...profile,
      model: model ?? before?.model ?? profile.model,
      mode: mode ?? before?.mode ?? profile.mode,
    };
    const session = sessions.create({
      id,
      origin: "delegation",
      profile: settled,
      grant,
      narrowing,
      kiln,
      cwd,
      additionalDirectories: othersIn(kiln, cwd),
      parent: caller,
      title,
      client,
    });
    try {
      const { clientFiles } = profile;
      const files = {
        read: clientFiles.read && grant.tools.has("read"),
        write: clientFiles.write && grant.tools.has("write"),
      };
      // Built-in agents run commands by themselves, and some do it in worse ways when they are offered a terminal.
      const terminals = profile.family === undefined && grant.tools.has("execute");
      const initialize = initializeForChild({ files, terminals }, version);
      const agent = await agents.start({
        profile,
        initialize,
        owner: nobody,
        sessionId: id,
        cwd,
        boundary: { worksFor: "agent", kiln },
        hasTools: hasTools(session),
        signal,
      });
      session.scope.add("agent", () => agent.end());
      if (agent.isOffline)
        onNote('it reaches no network, nor its model if that is elsewhere: network = "none" under [kiln]');
      const place = { cwd, ...othersOf(kiln, cwd, agent) };
      const params = await sessions.withExtras({ ...place, mcpServers: serversFor(caller, narrowing) }, session, agent);
      const opening = { session, agent, params, sessions, signal, onNote };
      const isFork = !continues && asFork && (await fork(caller, opening));
      if (continues) await goOn(continues, opening);
      else if (!isFork) await begin(opening);
      choose(store, id, { model, mode });
      session.opened();
      return { session, isFork, canReopen: wayBack(agent) !== undefined, gone: agent.gone };
    } catch (error) {
      await session.end("it could not be started");
      throw explained(error, profile);
    }
  };
}

/** Directories of the kiln that the cwd is neither in nor is. */
function othersIn({ directories }: Kiln, cwd: string): readonly string[] {
  return directories.filter((directory) => !isInside(directory, cwd));
}

/** Named to agents that know what to do with them (ACP, "Session Setup", `additionalDirectories`). */
function othersOf(kiln: Kiln, cwd: string, agent: Agent): { additionalDirectories?: readonly string[] } {
  const capabilities = recordIn(recordIn(agent.initializeResult, "agentCapabilities"), "sessionCapabilities");
  const others = othersIn(kiln, cwd);
  return others.length > 0 && isRecord(capabilities["additionalDirectories"]) ? { additionalDirectories: others } : {};
}

/** The editor's own MCP servers hold its secrets: a child gets them only when its caller asked for it by name. */
function serversFor(caller: Session, { tools }: Narrowing): readonly unknown[] {
  return tools?.includes("mcp") ? caller.root.client.mcpServers : [];
}

export interface Opening {
  session: Session;
  agent: Agent;
  /** Of `session/new` and its kin. */
  params: Record<string, unknown>;
  sessions: SessionFactory;
  signal: AbortSignal;
  /** Hears of settings that could not be made. */
  onNote?: ((note: string) => void) | undefined;
}

/** Opens a new session on a started agent. */
export function begin(opening: Opening): Promise<void> {
  return open("session/new", opening);
}

/** Opens a copy of the caller's conversation; false, and why it is noted, where that cannot be. */
async function fork({ binding }: Session, opening: Opening): Promise<boolean> {
  const { agent, params, onNote } = opening;
  const { name } = agent.profile;
  const instead = "it was given your conversation as text";
  if (!binding || !canFork(agent)) {
    onNote?.(`${instead}: ${name} cannot fork sessions`);
    return false;
  }
  try {
    await open("session/fork", { ...opening, params: { ...params, sessionId: binding.agentSessionId } });
    onNote?.("it began with a fork of your conversation");
    return true;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    onNote?.(`${instead}: ${name} could not fork it (${oneLine(error.message, 200)})`);
    return false;
  }
}

async function open(method: string, { session, agent, params, sessions, signal, onNote }: Opening): Promise<void> {
  const request = { method, params, signal };
  const { agentSessionId, result: opened } = await agent.openSession(request, session);
  sessions.attach(session, agent, agentSessionId);
  await sessions.applySettings({ session, agent, opened, onIgnored: onNote });
}

/** Opens an earlier conversation in a new process: resumed where the agent can, else loaded with its replay unheard. */
async function goOn(earlier: SessionRecord, opening: Opening): Promise<void> {
  const { session, agent, params, sessions, signal, onNote } = opening;
  const { agentSessionId } = earlier;
  const method = wayBack(agent);
  if (agentSessionId === null || method === undefined) {
    throw cannotContinue.create(`agent ${session.profile.name} can neither resume nor load an earlier session`, {
      hint: "delegate anew, with what the earlier child found as context",
    });
  }
  const result = await agent.ask({ method, params: { ...params, sessionId: agentSessionId }, signal });
  sessions.attach(session, agent, agentSessionId);
  await sessions.applySettings({ session, agent, opened: isRecord(result) ? result : {}, onIgnored: onNote });
}

/** The method that opens an earlier session, without its history where the agent can; undefined where it has none. */
function wayBack(agent: Agent): "session/resume" | "session/load" | undefined {
  const capabilities = recordIn(agent.initializeResult, "agentCapabilities");
  if (isRecord(recordIn(capabilities, "sessionCapabilities")["resume"])) return "session/resume";
  return capabilities["loadSession"] === true ? "session/load" : undefined;
}

function canFork(agent: Agent): boolean {
  const capabilities = recordIn(agent.initializeResult, "agentCapabilities");
  return isRecord(recordIn(capabilities, "sessionCapabilities")["fork"]);
}

function recordIn(value: unknown, name: string): Record<string, unknown> {
  const member = isRecord(value) ? value[name] : undefined;
  return isRecord(member) ? member : {};
}

/** What a child's agent says outside of its session concerns nobody. */
const nobody: Listener = {
  request: ({ method }) => Promise.reject(RpcError.methodNotFound(method)),
  notification: () => {},
};

/** What kept an agent from opening a session, in words a person can act on. */
export function explained(error: unknown, profile: AgentProfile): unknown {
  if (!(error instanceof RpcError)) return error;
  if (error.code === rpcCodes.authRequired) {
    return agentAuth.create(`agent ${profile.name} wants its user to sign in: ${error.message}`, {
      hint: `tell the user to run \`${profile.command}\` in a terminal and sign in, or to set its API key in env of the profile`,
      cause: error,
    });
  }
  return agentStart.create(`agent ${profile.name} refused to open a session: ${error.message}`, {
    hint: `try it on its own: ${shellCommand([profile.command, ...profile.args])}`,
    cause: error,
  });
}
