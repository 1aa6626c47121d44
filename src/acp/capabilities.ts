/**
 * What Crucible says of itself in `initialize`: to the editor as the agent it stands for, to an agent as its client. It claims
 * what the side behind it claims and nothing more, because everything is relayed (ACP, "Initialization").
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
  return {
    agentCapabilities: {},
    ...agentResult,
    protocolVersion,
    agentInfo: { name: "crucible", title: `Crucible: ${identity.profile}`, version: identity.version },
    authMethods: authMethods.map(throughCrucible),
    _meta: { ...meta, crucible: { agent: identity.profile, agentInfo: agentResult["agentInfo"] ?? null } },
  };
}

function throughCrucible(method: unknown): unknown {
  if (!isRecord(method) || method["type"] !== "terminal") return method;
  return { ...method, args: ["--terminal-auth", method["id"]], env: {} };
}

function clientInfo(version: string): Record<string, unknown> {
  return { name: "crucible", title: "Crucible", version };
}
