/**
 * What a session may do. Held by the daemon per session, never taken from what an agent says. The ways to get one:
 * `rootGrant` for a session a person opened, and `childGrant` and `successorGrant`, which can only narrow another's.
 */
import type { AgentProfile } from "../config/config.ts";

/** Kinds of things an agent can do, as far as they can be told apart on the wire (docs/reference/tools.md). */
export const toolSets = ["read", "write", "execute", "web", "mcp", "delegate"] as const;

export type ToolSet = (typeof toolSets)[number];

export interface Grant {
  /** Levels of delegation left below this session; 0 = it may not delegate. */
  readonly remainingDepth: number;
  /** Which profile's limit `remainingDepth` is, for explanations. */
  readonly depthSetBy: string;
  /** Profiles it may delegate to. */
  readonly targets: ReadonlySet<string> | "all";
  /** The lists that narrowed `targets`, from the root down. */
  readonly targetsNarrowedBy: readonly { readonly profile: string; readonly targets: ReadonlySet<string> }[];
  readonly tools: ReadonlySet<ToolSet>;
}

/** What a caller takes away from a child, beyond what the child's profile does. */
export interface Narrowing {
  /** The child gets these and no more. */
  readonly tools?: readonly ToolSet[] | undefined;
}

/** The grant of a session opened by an editor, a terminal or an MCP client as `profile`. */
export function rootGrant(profile: AgentProfile): Grant {
  const own = ownTargets(profile);
  return {
    remainingDepth: ownDepth(profile),
    depthSetBy: profile.name,
    targets: own,
    targetsNarrowedBy: own === "all" ? [] : [{ profile: profile.name, targets: own }],
    tools: new Set(toolSets),
  };
}

/** A person at a terminal, who is bound by no profile: what they start is bound by its own rules alone. */
export const personGrant: Grant = {
  remainingDepth: Number.POSITIVE_INFINITY,
  depthSetBy: "you",
  targets: "all",
  targetsNarrowedBy: [],
  tools: new Set(toolSets),
};

/** The grant of a child: its own profile's rules within what its parent has left. */
export function childGrant(parent: Grant, profile: AgentProfile, narrowing: Narrowing = {}): Grant {
  const tools = new Set([...parent.tools].filter((tool) => narrowing.tools?.includes(tool) ?? true));
  const inherited = parent.remainingDepth - 1;
  const ownLimit = tools.has("delegate") ? ownDepth(profile) : 0;
  const own = ownTargets(profile);
  return {
    remainingDepth: Math.max(0, Math.min(inherited, ownLimit)),
    depthSetBy: inherited <= ownLimit ? parent.depthSetBy : profile.name,
    targets: intersection(parent.targets, own),
    targetsNarrowedBy:
      own === "all" ? parent.targetsNarrowedBy : [...parent.targetsNarrowedBy, { profile: profile.name, targets: own }],
    tools,
  };
}

/** The grant of an agent that takes a session's place in its conversation: its own profile's rules within what that one had. */
export function successorGrant(predecessor: Grant, profile: AgentProfile, narrowing: Narrowing = {}): Grant {
  return childGrant({ ...predecessor, remainingDepth: predecessor.remainingDepth + 1 }, profile, narrowing);
}

/** Whether a session's tools are worth offering: its profile may delegate, and depth is left. */
export function mayDelegate({ profile, grant }: { profile: AgentProfile; grant: Grant }): boolean {
  return profile.delegation.enabled && grant.remainingDepth > 0;
}

export function mayTarget(grant: Grant, name: string): boolean {
  return grant.targets === "all" || grant.targets.has(name);
}

function ownDepth(profile: AgentProfile): number {
  return profile.delegation.enabled ? profile.delegation.maxDepth : 0;
}

function ownTargets(profile: AgentProfile): ReadonlySet<string> | "all" {
  const { allowedTargets } = profile.delegation;
  return allowedTargets === "all" ? "all" : new Set(allowedTargets);
}

function intersection(a: ReadonlySet<string> | "all", b: ReadonlySet<string> | "all"): ReadonlySet<string> | "all" {
  if (a === "all") return b;
  if (b === "all") return a;
  return new Set([...a].filter((name) => b.has(name)));
}
