/**
 * What the parts of one editor's connection share: its agents, its open sessions, and how a session is made for it. The
 * connection makes it; opening, reopening, listing and closing work on it.
 */
import { isAbsolute } from "node:path";
import type { Link } from "../acp/link.ts";
import { isRecord, rpcCodes, RpcError } from "../acp/wire.ts";
import { oneLine } from "../base/text.ts";
import type { AgentProfile } from "../config/config.ts";
import type { Session } from "../sessions/session.ts";
import type { AgentSeat } from "./agent-seat.ts";
import type { EditorPorts, SessionPlan } from "./ports.ts";

/** Of what came in place of something else, so much is shown. */
const maxShownCharacters = 100;

export interface Desk {
  readonly ports: EditorPorts;
  readonly link: Link;
  /** That of the connection; a conversation that was begun with another one goes on with that. */
  readonly profile: AgentProfile;
  /** By the editor's ids. */
  readonly sessions: Map<string, Session>;
  /** Those whose agent has to be told what was said before. */
  readonly forgetful: WeakSet<Session>;
  /** What the editor said of itself. */
  readonly initialize: Readonly<Record<string, unknown>> | undefined;
  seatOf(profile: AgentProfile): AgentSeat;
  /** The editor has the session from now on. Rejects when the editor has gone meanwhile; the session is left again then. */
  admit(session: Session): Promise<void>;
}

/** The agent's id of a conversation; one that Crucible has not given is the agent's own, from before Crucible was there. */
export function agentsIdOf(desk: Desk, id: string): string | undefined {
  const bound = desk.sessions.get(id)?.binding?.agentSessionId;
  if (bound !== undefined) return bound;
  const record = desk.ports.store.findSession(id);
  return record ? (record.agentSessionId ?? undefined) : id;
}

/**
 * The directories that `session/new` and its kin name. Throws where `cwd` is no absolute path (ACP, "Working Directory"): it would
 * mean another place to everyone who reads it.
 */
export function placeIn(params: Record<string, unknown>): Pick<SessionPlan, "cwd" | "additionalDirectories"> {
  const { cwd, additionalDirectories: others } = params;
  if (typeof cwd !== "string" || !isAbsolute(cwd)) {
    const came = cwd === undefined ? "none" : oneLine(JSON.stringify(cwd), maxShownCharacters);
    throw new RpcError({ code: rpcCodes.invalidParams, message: `cwd: expected an absolute path, got ${came}` });
  }
  return {
    cwd,
    additionalDirectories: Array.isArray(others) ? others.filter((one) => typeof one === "string") : [],
  };
}

export function mcpServersIn({ mcpServers }: Record<string, unknown>): readonly unknown[] {
  return Array.isArray(mcpServers) ? (mcpServers as unknown[]) : [];
}

export function paramsOf(params: unknown): Record<string, unknown> {
  return isRecord(params) ? params : {};
}
