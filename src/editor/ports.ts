/** What the editor's door needs of the rest of the house. The daemon supplies it. */
import type { Listener } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";
import type { Settings } from "../agents/settings.ts";
import type { AgentProfile } from "../config/config.ts";
import type { Bus } from "../observe/bus.ts";
import type { Store } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import type { ClientInit } from "../sessions/session-client.ts";

export interface SessionPlan extends Required<ClientInit> {
  /** Given when a conversation the editor knows is opened again. */
  id?: string;
  profile: AgentProfile;
  cwd: string;
  additionalDirectories: readonly string[];
}

export interface Opened {
  session: Session;
  agent: Agent;
  /** The agent's answer to the request that opened it. */
  opened: Record<string, unknown>;
  settings?: Settings;
  /** Hears of each setting that could not be made, in a sentence without its full stop. */
  onIgnored?: (what: string) => void;
}

export interface EditorsAgent {
  /** Parameters of `initialize`. */
  initialize: Record<string, unknown>;
  owner: Listener;
  /** Gives up the start when it aborts. */
  signal: AbortSignal;
}

export interface EditorPorts {
  bus: Bus;
  store: Store;
  version: string;
  /** Starts the connection's agent. */
  startAgent(profile: AgentProfile, start: EditorsAgent): Promise<Agent>;
  /** What this profile's agent answered to the same `initialize` last time in the life of this daemon. */
  knownAnswer(
    profile: AgentProfile,
    initialize: Record<string, unknown>,
  ): Readonly<Record<string, unknown>> | undefined;
  /** The profile a stored conversation was begun with; undefined for one that is not stored. Throws CRU_AGENT_UNKNOWN. */
  profileOf(sessionId: string): AgentProfile | undefined;
  /** The session of this id, whoever has it. */
  liveSession(sessionId: string): Session | undefined;
  /** What was said before the prompt that begins now, for an agent that was not there; undefined when nothing was. */
  recap(session: Session): string | undefined;
  /** Throws CRU_KILN_OUTSIDE when sessions may not be opened there. */
  requireReachable(place: Pick<SessionPlan, "cwd" | "additionalDirectories">): void;
  /** A live session without an agent yet. Throws as `requireReachable`. */
  createSession(plan: SessionPlan): Session;
  /** Parameters for `session/new` and its kin with what the profile adds: tools, instructions. */
  withExtras(params: Record<string, unknown>, session: Session, agent: Agent): Promise<Record<string, unknown>>;
  /** The agent answers for the session from now on. */
  attach(session: Session, agent: Agent, agentSessionId: string): void;
  /** Makes settings, by default the profile's, on a session that was just opened; gives the answer for the editor. */
  applySettings(opening: Opened): Promise<Record<string, unknown>>;
  /** Cancels the delegation of a child that one of these sessions' editor is shown, if there is one of this id. */
  cancelChild(sessionId: string, roots: Iterable<Session>): void;
  /** The editor of these sessions reads slower than is written to it, or has caught up. */
  congested(roots: Iterable<Session>, isCongested: boolean): void;
  /** The daemon that this session's editor had before has died with whatever it was doing. */
  restored(session: Session): void;
  /** A stored conversation is open again, on the agent it was begun with. */
  reopened(session: Session): void;
  /** The editor is gone: ends the session, or has what its profile keeps in the background go on. */
  leave(session: Session, why: string): Promise<void>;
  /** The session of this id if it goes on without an editor since `leave`; it is the caller's then. */
  takeBack(id: string): Promise<Session | undefined>;
  /** Deletes a conversation with all that belongs to it. Rejects with CRU_STORE_UNWRITABLE. */
  remove(sessionId: string): Promise<unknown>;
  /** The agent behind these sessions is gone: ends what they had delegated. */
  agentGone(sessions: readonly Session[]): void;
}
