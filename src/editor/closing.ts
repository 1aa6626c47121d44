/** Conversations that an editor closes, which can be loaded later, or deletes (ACP, "Session Close", "Session Delete"). */
import { abilitiesOf } from "../acp/capabilities.ts";
import { RpcError, sessionIdOf, type IncomingRequest } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";
import { openElsewhere } from "./errors.ts";
import { agentsIdOf, paramsOf, type Desk } from "./desk.ts";
import { hasAgent } from "./revival.ts";

export async function closeSession(desk: Desk, request: IncomingRequest): Promise<unknown> {
  const { ports, sessions } = desk;
  const id = sessionIdOf(request.params);
  const session = id === undefined ? undefined : sessions.get(id);
  const record = id === undefined ? undefined : ports.store.findSession(id);
  const isDelete = request.method === "session/delete";
  if (id !== undefined && !session && ports.liveSession(id)?.client.isAttended) throw openElsewhere(id);

  // One that has no agent now needs none to be closed; to be deleted, it has to be deleted there, too.
  const needsAgent = !session || hasAgent(session) || isDelete;
  const seat = desk.seatOf((id === undefined ? undefined : ports.profileOf(id)) ?? desk.profile);
  const answer = needsAgent
    ? await seat.use((agent) => atAgent(desk, agent, { request, isKnown: record !== undefined }))
    : {};
  if (id === undefined) return answer;
  sessions.delete(id);
  // Also one that goes on without an editor.
  const open = session ?? (await ports.takeBack(id));
  await open?.end("the editor closed it");
  if (isDelete) await ports.remove(id);
  return answer;
}

async function atAgent(
  desk: Desk,
  agent: Agent,
  { request, isKnown }: { request: IncomingRequest; isKnown: boolean },
): Promise<unknown> {
  const { method, params, signal } = request;
  const id = sessionIdOf(params);
  const agentSessionId = id === undefined ? undefined : agentsIdOf(desk, id);
  const can = abilitiesOf(agent.initializeResult)[method === "session/delete" ? "delete" : "close"];
  if (can && agentSessionId !== undefined) {
    try {
      return await agent.request(method, { ...paramsOf(params), sessionId: agentSessionId }, { signal });
    } catch (error) {
      // What it does not have any more need not be taken from it.
      const session = id === undefined ? undefined : desk.sessions.get(id);
      if (session || !isKnown || !(error instanceof RpcError) || error.code !== -32_002) throw error;
      return {};
    }
  }
  if (!isKnown) throw RpcError.sessionNotFound(id);
  // Closing ends what is under way (ACP, "Session Close").
  if (agentSessionId !== undefined) agent.notify("session/cancel", { sessionId: agentSessionId });
  return {};
}
