/** The rules that hold for a session together with those of all above it, as they are explained. */
import type { AgentProfile, EffectivePermissions, PermissionRules } from "../config/config.ts";
import { strictest } from "./policy.ts";

/** `lineage`: the session itself first, then whatever stands above it. A profile that stands there twice counts once. */
export function effectivePermissions(
  lineage: readonly Pick<AgentProfile, "name" | "permissions">[],
): EffectivePermissions {
  const profiles = [...new Map(lineage.map((profile) => [profile.name, profile])).values()];
  const rulesOf = (list: "deny" | "ask" | "allow"): EffectivePermissions["deny"] =>
    profiles.flatMap(({ name, permissions }) => permissions[list].map((rule) => ({ rule, profile: name })));
  const all: PermissionRules[] = profiles.map(({ permissions }) => permissions);
  return {
    deny: rulesOf("deny"),
    ask: rulesOf("ask"),
    allow: rulesOf("allow"),
    default: strictest(all.map((rules) => rules.default)),
    unattended: strictest(all.map((rules) => rules.unattended)),
    ask_timeout_seconds: all[0]?.askTimeoutSeconds ?? 0,
    bound_by: profiles.map(({ name }) => name),
  };
}
