/**
 * Puts an agent behind a conversation that it does not have open: it resumes what it remembers, else loads it with its replay
 * unheard, else begins anew and is told; and what was chosen is set again. One mechanism for an agent that died, a daemon that did, and an editor that comes back.
 */
import { abilitiesOf } from "../acp/capabilities.ts";
import { isRecord, RpcError, rpcCodes, type Listener } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";
import { messageOf } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import { chosenIn } from "../sessions/chosen.ts";
import type { Session } from "../sessions/session.ts";
import { agentsIdOf, type Desk } from "./desk.ts";
import { isOfConversation, lostToolCall } from "./stored-conversation.ts";

export interface TakeUp {
  agent: Agent;
  /** Of the request that opens it, as the editor gave them. */
  params: Record<string, unknown>;
  signal?: AbortSignal | undefined;
  /** Its id of the conversation, where that is known better than by the session. */
  agentSessionId?: string | undefined;
  /** It has refused to load it already. */
  cannotLoad?: boolean;
}

/** Gives the agent's answer to the request that opened the conversation. Rejects with what keeps the agent from any session. */
export async function takeUp(desk: Desk, session: Session, one: TakeUp): Promise<Record<string, unknown>> {
  const { sessionId: _editors, ...params } = await desk.ports.withExtras(one.params, session, one.agent);
  const agentSessionId = one.agentSessionId ?? agentsIdOf(desk, session.id);
  const before =
    agentSessionId === undefined ? undefined : await remembered(desk, session, { ...one, params, agentSessionId });
  const { mode, model, options } = chosenIn(desk.ports.store, session.id);
  const settled = { session, agent: one.agent, onIgnored: (what: string) => announce(session, what) };
  if (before && agentSessionId !== undefined) {
    desk.ports.attach(session, one.agent, agentSessionId);
    return desk.ports.applySettings({ ...settled, opened: before, settings: { mode, model, options } });
  }
  const opening = { method: "session/new", params, signal: one.signal };
  const { agentSessionId: fresh, result } = await one.agent.openSession(opening, session);
  desk.ports.attach(session, one.agent, fresh);
  const { profile } = session;
  const settings = { mode: mode ?? profile.mode, model: model ?? profile.model, options };
  const { sessionId: _agents, ...answer } = await desk.ports.applySettings({ ...settled, opened: result, settings });
  if (session.transcript.turns().some(({ entries }) => entries.some(({ kind }) => kind !== "user"))) {
    desk.forgetful.add(session);
    announce(
      session,
      `${session.profile.name} was started anew and does not remember this conversation; it is given what was said so far`,
    );
  }
  return answer;
}

/** For a session that the editor has open: as `takeUp`, and the editor is shown the settings the agent has now. */
export async function putAgent(desk: Desk, session: Session, one: TakeUp): Promise<void> {
  const { configOptions, modes } = await takeUp(desk, session, one);
  const tell = (update: Record<string, unknown>): void => session.tellClient("session/update", { update });
  if (configOptions !== undefined) tell({ sessionUpdate: "config_option_update", configOptions });
  if (isRecord(modes)) tell({ sessionUpdate: "current_mode_update", currentModeId: modes["currentModeId"] });
}

/** Tells the user something of Crucible's own, in the conversation. */
export function announce(session: Session, words: string): void {
  const content = { type: "text", text: `\n\n— ${words} —\n\n` };
  const update = { sessionUpdate: "agent_message_chunk", content };
  session.notification("session/update", { sessionId: session.id, update });
}

/** The agent that had the conversation is gone, and leaves its last turn as it was. */
export function tellGone(session: Session, why: string): void {
  announce(session, `${oneLine(why, 400)}; your next message starts it again`);
  tellLost(session);
}

/** Nobody will tell how these tool calls ended. */
export function tellLost(session: Session): void {
  for (const id of session.transcript.unfinishedToolCalls()) {
    session.notification("session/update", { sessionId: session.id, update: lostToolCall(id) });
  }
}

interface Remembered extends TakeUp {
  agentSessionId: string;
}

/** Undefined when the agent has no such conversation any more, or can open none again. */
async function remembered(desk: Desk, session: Session, one: Remembered): Promise<Record<string, unknown> | undefined> {
  const { agent, agentSessionId, cannotLoad = false } = one;
  const can = abilitiesOf(agent.initializeResult);
  const onForgotten = (message: string): void => {
    desk.ports.bus.emit("warning", { where: "conversations", message, sessionId: session.id });
  };
  try {
    if (can.resume) {
      // What it says of its settings before it has answered is meant for the editor.
      const resumed = await reopened(one, { method: "session/resume", listener: session, onForgotten });
      if (resumed) return resumed;
    }
    if (can.load && !cannotLoad)
      return await reopened(one, { method: "session/load", listener: settingsOnly(session), onForgotten });
    return undefined;
  } finally {
    agent.unbindSession(agentSessionId);
  }
}

async function reopened(
  { agent, params, signal, agentSessionId }: Remembered,
  { method, listener, onForgotten }: { method: string; listener: Listener; onForgotten: (why: string) => void },
): Promise<Record<string, unknown> | undefined> {
  agent.bindSession(agentSessionId, listener);
  try {
    const answer = await agent.ask({ method, params: { ...params, sessionId: agentSessionId }, signal });
    return isRecord(answer) ? answer : {};
  } catch (error) {
    if (!meansForgotten(error)) throw error;
    onForgotten(`agent ${agent.profile.name} answered ${method} with an error: ${messageOf(error)}`);
    return undefined;
  }
}

/** Whether an agent that answers so may still begin anew: it has not the conversation, but nothing else is wrong. */
export function meansForgotten(error: unknown): boolean {
  return error instanceof RpcError && error.code !== rpcCodes.authRequired && error.code !== rpcCodes.cancelled;
}

/** Hears a replay that the editor has seen already: only what tells of the present goes on. */
function settingsOnly(session: Session): Listener {
  return {
    request: (request) => session.request(request),
    notification: (method, params, line) => {
      if (!isOfConversation(params)) session.notification(method, params, line);
    },
  };
}
