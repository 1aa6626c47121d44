/**
 * What the policy would say of a delegation, and why, without making it: the same `decide` that decides, asked about a caller that
 * does not exist.
 */
import { CrucibleError } from "../base/errors.ts";
import type { DelegationFailure } from "../base/delegation.ts";
import type { Environment } from "../base/paths.ts";
import type { AgentProfile, Config, EffectivePermissions } from "../config/config.ts";
import { environmentNames } from "../config/environment.ts";
import { childGrant, rootGrant, type Grant } from "../sessions/grant.ts";
import { decide } from "./policy.ts";
import { failureOf } from "./result.ts";

export interface Explanation {
  allowed: boolean;
  /** The profiles from the root to the caller. */
  lineage: string[];
  target: string;
  /** What decided, in one sentence. */
  because: string;
  error: DelegationFailure | null;
  /** Names of the variables the target's agent would get, as seen from here; null when there would be none. */
  environment: string[] | null;
  /** What the child could do; null when there would be none. */
  grant: {
    remaining_depth: number;
    targets: string[] | "all";
    kiln: string[];
    result_max_bytes: number;
    max_concurrent_delegations: number;
  } | null;
  /** The rules for its permission questions; null when there would be no child. */
  permissions: EffectivePermissions | null;
}

/** With what would hold the target's agent on this machine, which the policy does not know. */
export interface ExplainedDelegation extends Explanation {
  /** Null when the delegation would be refused. */
  sandbox: {
    /** Null when none is good enough, so that the agent would not be started: then `error` says why. */
    sandbox: { readonly mechanism: string; readonly strength: string; readonly lost: readonly string[] } | null;
    error: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
  } | null;
  /** Why the daemon that runs may decide otherwise: it has read another configuration; null when none runs, or it would not. */
  daemon: string | null;
  /** Files of its kiln with further names outside, which no sandbox can tell from others; left out where there are none. */
  hard_links?: { directory: string; own: number; shared: number; words: string }[];
}

export interface Question {
  from: AgentProfile;
  target: string;
  /** How many delegations of the profile to itself stand above the caller; 0 = a root session. */
  depth: number;
  /** Directories of the caller's session, or why it cannot be opened there. */
  kiln: readonly string[] | CrucibleError;
  /** Of the daemon, as far as it is known. */
  env: Environment;
  /** The rules of a lineage, its lowest profile first. */
  permissionsOf: (lineage: readonly AgentProfile[]) => EffectivePermissions;
}

export function explain(question: Question, config: Pick<Config, "agents">): Explanation {
  const { from, target, depth, kiln, env } = question;
  let grant: Grant = rootGrant(from);
  for (let level = 0; level < depth; level++) grant = childGrant(grant, from);
  const lineage = Array.from({ length: depth + 1 }, () => ({ profile: from }));
  const decision = decide({ profile: from, grant, lineage }, target, config);
  const names = lineage.map(({ profile }) => profile.name);
  const refused = (refusal: CrucibleError): Explanation => {
    const error = failureOf(refusal);
    const nothing = { environment: null, grant: null, permissions: null };
    return { allowed: false, lineage: names, target, because: error.message, error, ...nothing };
  };
  if (kiln instanceof CrucibleError) return refused(kiln);
  if (!decision.allowed) return refused(decision.refusal);

  const { profile, grant: given } = decision;
  const { resultMaxBytes, maxConcurrentDelegations } = from.delegation;
  const left = `${grant.remainingDepth} ${grant.remainingDepth === 1 ? "level is" : "levels are"} left by max_depth of ${grant.depthSetBy}`;
  const list =
    grant.targets === "all" ? "all targets are allowed" : `${profile.name} is in every allowed_targets above it`;
  return {
    allowed: true,
    lineage: names,
    target: profile.name,
    because: target === "self" ? `${left}, and self needs no more than that` : `${list}, and ${left}`,
    error: null,
    environment: environmentNames(profile, env),
    grant: {
      remaining_depth: given.remainingDepth,
      targets: given.targets === "all" ? "all" : [...given.targets],
      kiln: [...kiln],
      result_max_bytes: resultMaxBytes,
      max_concurrent_delegations: maxConcurrentDelegations,
    },
    permissions: question.permissionsOf([profile, ...lineage.map((caller) => caller.profile)]),
  };
}
