/**
 * What Crucible says of itself in `initialize`: to the editor as the agent it stands for, to an agent as its client. It claims
 * what the side behind it claims, because everything is relayed, and of its own only what it does itself: keeping conversations
 * (ACP, "Initialization").
 */
import { isRecord } from "./wire.ts";

/** The only protocol version relayed; anything newer is negotiated down. */
export const protocolVersion = 1;

export interface Identity {
  version: string;
  /** Name of the profile behind the connection. */
  profile: string;
}

/** `initialize` to an agent on behalf of an editor: what the editor said, at a version Crucible can relay. */
export function initializeForAgent(editorParams: unknown, version: string): Record<string, unknown> {
  const params = isRecord(editorParams) ? editorParams : {};
  const asked = typeof params["protocolVersion"] === "number" ? params["protocolVersion"] : protocolVersion;
  return {
    clientCapabilities: {},
    clientInfo: clientInfo(version),
    ...params,
    protocolVersion: Math.min(asked, protocolVersion),
  };
}

/** What Crucible does for an agent that works for another agent: nobody is at an editor. */
export interface ChildOffer {
  readonly files: { readonly read: boolean; readonly write: boolean };
  readonly terminals: boolean;
}

export function initializeForChild({ files, terminals }: ChildOffer, version: string): Record<string, unknown> {
  return {
    protocolVersion,
    clientCapabilities: { fs: { readTextFile: files.read, writeTextFile: files.write }, terminal: terminals },
    clientInfo: clientInfo(version),
  };
}

/**
 * The answer to an editor's `initialize`, from the agent's. A login in the agent's own terminal program becomes one through
 * Crucible, since that is the program the editor knows how to start.
 */
export function initializeForEditor(
  agentResult: Readonly<Record<string, unknown>>,
  identity: Identity,
): Record<string, unknown> {
  const meta = isRecord(agentResult["_meta"]) ? agentResult["_meta"] : {};
  const authMethods = Array.isArray(agentResult["authMethods"]) ? (agentResult["authMethods"] as unknown[]) : [];
  const capabilities = isRecord(agentResult["agentCapabilities"]) ? agentResult["agentCapabilities"] : {};
  return {
    ...agentResult,
    agentCapabilities: {
      ...capabilities,
      loadSession: true,
      sessionCapabilities: withOwn(capabilities["sessionCapabilities"]),
    },
    protocolVersion,
    agentInfo: { name: "crucible", title: `Crucible: ${identity.profile}`, version: identity.version },
    authMethods: authMethods.map(throughCrucible),
    _meta: { ...meta, crucible: { agent: identity.profile, agentInfo: agentResult["agentInfo"] ?? null } },
  };
}

/** What an agent can do with conversations it had before (ACP, "Session Capabilities"). */
export interface Abilities {
  load: boolean;
  resume: boolean;
  list: boolean;
  close: boolean;
  delete: boolean;
}

/** From the answer to `initialize`. */
export function abilitiesOf(agentResult: Readonly<Record<string, unknown>>): Abilities {
  const capabilities = isRecord(agentResult["agentCapabilities"]) ? agentResult["agentCapabilities"] : {};
  const ofSessions = isRecord(capabilities["sessionCapabilities"]) ? capabilities["sessionCapabilities"] : {};
  const can = (name: string): boolean => isRecord(ofSessions[name]);
  return {
    load: capabilities["loadSession"] === true,
    resume: can("resume"),
    list: can("list"),
    close: can("close"),
    delete: can("delete"),
  };
}

/** Crucible lists, resumes, closes and deletes conversations of every agent; what else the agent says of that stays. */
function withOwn(ofAgent: unknown): Record<string, unknown> {
  const said = Object.entries(isRecord(ofAgent) ? ofAgent : {});
  const given = said.filter(([, value]) => value !== null);
  return { ...Object.fromEntries(said), list: {}, resume: {}, close: {}, delete: {}, ...Object.fromEntries(given) };
}

function throughCrucible(method: unknown): unknown {
  if (!isRecord(method) || method["type"] !== "terminal") return method;
  return { ...method, args: ["--terminal-auth", method["id"]], env: {} };
}

function clientInfo(version: string): Record<string, unknown> {
  return { name: "crucible", title: "Crucible", version };
}
