/** Profiles for tests of what depends on their rules alone. */
import type { AgentProfile, DelegationRules } from "../../../src/config/config.ts";
import { person } from "../../../src/daemon/person.ts";
import { childGrant, rootGrant, type Grant } from "../../../src/sessions/grant.ts";

/** A profile that may delegate to all, one level deep, unless told otherwise. */
export function profile(name: string, rules: Partial<DelegationRules> = {}): AgentProfile {
  return { ...person, name, delegation: { ...person.delegation, maxDepth: 1, allowCycles: false, ...rules } };
}

/** The grant of the last of a chain of profiles, the root's first. */
export function grantOf([root, ...below]: readonly AgentProfile[]): Grant {
  if (!root) throw new Error("expected at least one profile");
  return below.reduce((grant, one) => childGrant(grant, one), rootGrant(root));
}
