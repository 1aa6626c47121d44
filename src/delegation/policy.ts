/**
 * May this session delegate to that profile, and what may the child do: decided here and nowhere else, from the grant the
 * daemon holds. Pure: it starts nothing and changes nothing. Whoever explains a decision asks the same function.
 */
import type { CrucibleError, ErrorDefinition } from "../base/errors.ts";
import { listed } from "../base/text.ts";
import { didYouMean } from "../base/suggestion.ts";
import { hintOf } from "../config/change.ts";
import type { AgentProfile, Config } from "../config/config.ts";
import { childGrant, mayTarget, type Grant, type Narrowing, type ToolSet } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import { isDynamic } from "./dynamic-agents.ts";
import { cycleRefused, delegationDisabled, depthExceeded, targetNotAllowed, targetUnknown } from "./errors.ts";

/** What the policy needs to know of a caller; a live session, or one that is only asked about. */
export type Caller = Pick<Session, "profile" | "grant"> & { readonly lineage: readonly Pick<Session, "profile">[] };

/** Where names of agents are looked up: a configuration, or one with the agents of a tree added. */
export type AgentDirectory = Pick<Config, "agents" | "change">;

export type Decision =
  | { readonly allowed: true; readonly profile: AgentProfile; readonly grant: Grant; readonly narrowing: Narrowing }
  | { readonly allowed: false; readonly refusal: CrucibleError };

/** Names the caller's own profile. */
export const selfTarget = "self";

export function decide(caller: Caller, target: string, config: AgentDirectory, narrowing: Narrowing = {}): Decision {
  const isSelf = target === selfTarget;
  const chosen = isSelf ? caller.profile : config.agents.get(target);
  const rule = chosen ? ruleAgainst(caller, chosen, isSelf) : ruleAgainstAll(caller);
  if (chosen && !rule) {
    const tools = both(narrowing.tools, isDynamic(chosen) ? chosen.tools : undefined);
    return { allowed: true, profile: chosen, grant: childGrant(caller.grant, chosen, { tools }), narrowing: { tools } };
  }
  return { allowed: false, refusal: refusal(rule ?? "unknown", { caller, target: chosen?.name ?? target, config }) };
}

/** The profiles a caller may delegate to now, for tool descriptions. */
export function reachableTargets(caller: Caller, config: AgentDirectory): AgentProfile[] {
  return [...config.agents.values()].filter((profile) => !ruleAgainst(caller, profile, false));
}

type Rule = "disabled" | "depth" | "target" | "cycle" | "unknown";

/** The first rule that forbids any delegation to this caller. */
function ruleAgainstAll({ profile, grant }: Caller): Rule | undefined {
  if (!profile.delegation.enabled) return "disabled";
  return grant.remainingDepth <= 0 ? "depth" : undefined;
}

/** The first rule that forbids this target. `self` is a deliberate repeat that needs only remaining depth. */
function ruleAgainst(caller: Caller, target: AgentProfile, isSelf: boolean): Rule | undefined {
  const general = ruleAgainstAll(caller);
  if (general || isSelf) return general;
  // An agent made at run time is as allowed as the profile it was made from, and the caller's own always is.
  const named = isDynamic(target) ? target.createdFrom : target.name;
  const isOwn = isDynamic(target) && named === caller.profile.name;
  if (!isOwn && !mayTarget(caller.grant, named)) return "target";
  return !caller.profile.delegation.allowCycles && standsIn(caller, target.name) ? "cycle" : undefined;
}

interface Refused {
  caller: Caller;
  target: string;
  config: AgentDirectory;
}

interface Reason {
  error: ErrorDefinition;
  message: string;
  hint: string;
}

function refusal(rule: Rule, { caller, target, config }: Refused): CrucibleError {
  const reasons: Record<Rule, () => Reason> = {
    disabled: () => disabled(caller.profile),
    depth: () => tooDeep(caller),
    target: () => notAllowed(target, caller, config),
    cycle: () => cycle(caller, target),
    unknown: () => unknown(target, caller, config),
  };
  const { error, message, hint } = reasons[rule]();
  return error.create(message, { hint: hintOf(config, hint) });
}

function both(a: readonly ToolSet[] | undefined, b: readonly ToolSet[] | undefined): readonly ToolSet[] | undefined {
  return a && b ? a.filter((tool) => b.includes(tool)) : (a ?? b);
}

function standsIn(caller: Caller, name: string): boolean {
  return caller.lineage.some((session) => session.profile.name === name);
}

function path(caller: Caller): string {
  return caller.lineage.map((session) => session.profile.name).join(" → ");
}

function disabled(profile: AgentProfile): Reason {
  return {
    error: delegationDisabled,
    message: `agent ${profile.name} may not delegate`,
    hint: `do the work yourself; the user can allow it with \`enabled = true\` under [acp.agents.${profile.name}.delegation]`,
  };
}

function unknown(target: string, caller: Caller, config: AgentDirectory): Reason {
  const names = reachableTargets(caller, config).map((profile) => profile.name);
  return {
    error: targetUnknown,
    message: `no agent is called ${JSON.stringify(target)}${didYouMean(target, names)}`,
    hint: othersOf(names),
  };
}

function tooDeep(caller: Caller): Reason {
  const { depthSetBy } = caller.grant;
  return {
    error: depthExceeded,
    message: `no level of delegation is left below ${path(caller)}: the limit is max_depth of ${depthSetBy}`,
    hint: "do the work yourself and report what is left to the agent that asked you",
  };
}

function notAllowed(target: string, caller: Caller, config: AgentDirectory): Reason {
  const narrowing = caller.grant.targetsNarrowedBy.find(({ targets }) => !targets.has(target));
  const whose = narrowing && narrowing.profile !== caller.profile.name ? `, an ancestor of ${caller.profile.name}` : "";
  return {
    error: targetNotAllowed,
    message: `${caller.profile.name} may not delegate to ${target}: it is not in allowed_targets of ${narrowing?.profile ?? caller.profile.name}${whose}`,
    hint: othersOf(reachableTargets(caller, config).map((profile) => profile.name)),
  };
}

function othersOf(names: readonly string[]): string {
  return names.length > 0 ? `use ${listed(names)}` : "do the work yourself: no agent can be delegated to from here";
}

function cycle(caller: Caller, target: string): Reason {
  return {
    error: cycleRefused,
    message: `that would be a cycle: ${path(caller)} → ${target}`,
    hint:
      'do the work yourself, choose an agent outside this path, or use "self" for a copy of yourself; ' +
      "the user can allow cycles with `allow_cycles = true`",
  };
}
