/** New conversations: `session/new`, and `session/fork` of one the agent has (ACP, "Session Setup"). */
import { RpcError, sessionIdOf, type IncomingRequest } from "../acp/wire.ts";
import { agentsIdOf, paramsOf, type Desk } from "./desk.ts";
import { makeSession } from "./make-session.ts";

export async function openSession(desk: Desk, request: IncomingRequest): Promise<Record<string, unknown>> {
  return open(desk, request, {});
}

export async function forkSession(desk: Desk, request: IncomingRequest): Promise<Record<string, unknown>> {
  const id = sessionIdOf(request.params);
  const source = id === undefined ? undefined : agentsIdOf(desk, id);
  if (source === undefined) throw RpcError.sessionNotFound(id);
  return open(desk, request, { sessionId: source });
}

async function open(desk: Desk, request: IncomingRequest, source: object): Promise<Record<string, unknown>> {
  const { ports } = desk;
  const params = paramsOf(request.params);
  const agent = await desk.seatOf(desk.profile).require();
  const session = makeSession(desk, params);
  try {
    const extended = { ...(await ports.withExtras(params, session, agent)), ...source };
    const { method, signal } = request;
    const { agentSessionId, result } = await agent.openSession({ method, params: extended, signal }, session);
    ports.attach(session, agent, agentSessionId);
    const answer = await ports.applySettings({ session, agent, opened: result });
    await desk.admit(session);
    // The editor learns the id with the answer; what the agent says about it may come only after that.
    setImmediate(() => session.opened());
    return { ...answer, sessionId: session.id };
  } catch (error) {
    await session.end("it could not be opened");
    throw error;
  }
}
