/**
 * Conversations that are opened again: `session/load` and `session/resume` (ACP, "Loading Sessions", "Session Resume"). The agent
 * does it where it can. Where it cannot, Crucible does: the store tells what was said, and the agent goes on as well as it can.
 */
import { abilitiesOf } from "../acp/capabilities.ts";
import { isRestoring } from "../acp/restoring.ts";
import { RpcError, sessionIdOf, type IncomingRequest } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";
import type { Session } from "../sessions/session.ts";
import { agentsIdOf, paramsOf, placeIn, type Desk } from "./desk.ts";
import { clientOf, makeSession } from "./make-session.ts";
import { openElsewhere } from "./errors.ts";
import { hasAgent } from "./revival.ts";
import { hasStoredConversation, recall, retell } from "./stored-conversation.ts";
import { meansForgotten, takeUp, tellLost } from "./take-up.ts";

export async function reopenSession(desk: Desk, request: IncomingRequest): Promise<unknown> {
  const params = paramsOf(request.params);
  const id = sessionIdOf(params);
  if (id === undefined) throw RpcError.sessionNotFound(id);
  if (!desk.sessions.has(id)) await requireClosed(desk, id);
  return isRestoring(params) ? restore(desk, id, params) : reopen(desk, id, { request, params });
}

/** For the bridge of an editor whose daemon has ended: the session is there at once, its agent when it is needed. */
async function restore(desk: Desk, id: string, params: Record<string, unknown>): Promise<unknown> {
  const { ports } = desk;
  if (desk.sessions.has(id)) return {};
  const session = await sessionFor(desk, id, params);
  recall(session, ports.store);
  session.opened();
  tellLost(session);
  ports.restored(session);
  ports.reopened(session);
  return {};
}

interface Reopening {
  request: IncomingRequest;
  params: Record<string, unknown>;
}

async function reopen(desk: Desk, id: string, { request, params }: Reopening): Promise<unknown> {
  const { ports } = desk;
  const open = desk.sessions.get(id);
  const agent = await desk.seatOf(open?.profile ?? ports.profileOf(id) ?? desk.profile).require();
  // Before a session is made: until then an id that Crucible has not given is the agent's own.
  const agentSessionId = agentsIdOf(desk, id);
  const isOwn = ports.store.findSession(id) !== undefined;
  const can = abilitiesOf(agent.initializeResult)[request.method === "session/load" ? "load" : "resume"];
  // Neither Crucible nor the agent has ever heard of it, or the agent cannot say.
  if (!isOwn && !can) throw RpcError.sessionNotFound(id);
  // Before anything is changed: one that goes on without an editor goes on the same if this fails.
  ports.requireReachable(placeIn(params));
  const session = open ?? (await sessionFor(desk, id, params));
  try {
    const answer = await answerOf(desk, session, { request, params, agent, can, agentSessionId });
    ports.reopened(session);
    return answer;
  } catch (error) {
    if (!open) {
      desk.sessions.delete(id);
      // What went on without an editor goes on without this one.
      await ports.leave(session, "it could not be opened");
      if (!isOwn) ports.store.deleteSession(id);
    }
    throw error;
  }
}

interface Asked extends Reopening {
  agent: Agent;
  /** Whether the agent does itself what is asked. */
  can: boolean;
  agentSessionId: string | undefined;
}

async function answerOf(desk: Desk, session: Session, asked: Asked): Promise<unknown> {
  const { store } = desk.ports;
  const { request, params, agent, can, agentSessionId } = asked;
  let isForgotten = false;
  if (can && agentSessionId !== undefined) {
    try {
      return await byAgent(desk, session, { ...asked, agentSessionId });
    } catch (error) {
      if (!meansForgotten(error) || !hasStoredConversation(store, session.id)) throw error;
      agent.unbindSession(agentSessionId);
      isForgotten = true;
    }
  }
  recall(session, store);
  session.opened();
  if (request.method === "session/load") retell(session, store);
  if (!isForgotten && hasAgent(session)) return {};
  const { method, signal } = request;
  return takeUp(desk, session, { agent, params, signal, agentSessionId, cannotLoad: method === "session/load" });
}

/** The agent opens it and, where it is loaded, tells itself what was said. */
async function byAgent(
  desk: Desk,
  session: Session,
  { request, params, agent, agentSessionId }: Asked & { agentSessionId: string },
): Promise<unknown> {
  desk.ports.attach(session, agent, agentSessionId);
  session.opened();
  const replayed = session.replayStarted();
  try {
    const extended = await desk.ports.withExtras(params, session, agent);
    const asked = { ...extended, sessionId: agentSessionId };
    const answer = await agent.request(request.method, asked, { signal: request.signal });
    recall(session, desk.ports.store);
    return answer;
  } finally {
    replayed();
  }
}

/** The one that goes on without an editor since it was left, or a new one of that id. The editor has it then. */
async function sessionFor(desk: Desk, id: string, params: Record<string, unknown>): Promise<Session> {
  const left = await desk.ports.takeBack(id);
  if (!left && !desk.sessions.has(id)) await requireClosed(desk, id);
  // Whoever asked for it as well may have been quicker, and from here on nobody is.
  const here = desk.sessions.get(id);
  if (here) return here;
  left?.client.rejoin(clientOf(desk, params));
  const session = left ?? makeSession(desk, params, { id, profile: desk.ports.profileOf(id) ?? desk.profile });
  await desk.admit(session);
  return session;
}

/** Two agents that go on with one conversation would not know of each other. */
async function requireClosed(desk: Desk, id: string): Promise<void> {
  const live = desk.ports.liveSession(id);
  if (!live?.client.isAttended) return;
  if (live.state !== "ended") throw openElsewhere(id);
  await live.end("it is opened again");
}
