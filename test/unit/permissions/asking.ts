/** Rules and deeds for tests, in few words. */
import { deedOf, type Deed } from "../../../src/permissions/deed.ts";
import { facetsOf, type Places } from "../../../src/permissions/facets.ts";
import { decide, type DecideOptions, type Verdict } from "../../../src/permissions/policy.ts";
import { readRules } from "../../../src/permissions/rules.ts";
import type { PermissionRules } from "../../../src/config/config.ts";

export const kiln = "/home/u/project";

export const places: Places = {
  own: [kiln],
  all: [kiln],
  cwd: kiln,
  real: (name) => name,
  counterparts: (name) => [name],
};

export type Rules = Partial<Pick<PermissionRules, "default" | "deny" | "ask" | "allow">>;

export function deed(toolCall: Record<string, unknown>, { known = {}, servers = ["crucible"], _meta = {} } = {}): Deed {
  return deedOf({ toolCall, _meta }, { cwd: kiln, servers, known });
}

export function command(line: string | readonly string[]): Deed {
  return deed({ kind: "execute", rawInput: { command: line } });
}

export function path(kind: string, name: string): Deed {
  return deed({ kind, locations: [{ path: name }] });
}

/** What one set of rules says; the default is to ask. */
export function verdict(asked: Deed, rules: Rules, options?: DecideOptions): Verdict {
  return lineageVerdict(asked, [rules], options);
}

export function lineageVerdict(asked: Deed, lineage: readonly Rules[], options?: DecideOptions): Verdict {
  const levels = lineage.map((rules, index) => ({
    profile: `profile-${index}`,
    rules: readRules({ deny: [], ask: [], allow: [], default: "ask", ...rules }),
    facets: facetsOf(asked, places),
  }));
  return decide(levels, options);
}
