/**
 * One set of rules (`[permissions]`, or a profile's own) read once, and which of its rules decides about a facet: deny, then ask,
 * then allow, then the default.
 */
import type { PermissionRules } from "../config/config.ts";
import type { Facet } from "./facets.ts";
import { commandMayFit, commandPattern, pathPattern, textPattern, toolPattern, type Matcher } from "./patterns.ts";
import { isPathKind, toolKinds, type ToolKind } from "./tool-kinds.ts";

export type Outcome = "allow" | "ask" | "deny";

export interface Ruling {
  readonly outcome: Outcome;
  /** What decided, such as `deny execute:rm *`, or `default ask`. */
  readonly rule: string;
  readonly by: "rule" | "default" | "unclear";
}

interface Rule {
  /** As it stands in the file. */
  readonly text: string;
  readonly kind: ToolKind | "*";
  /** The pattern is a bare `*`: it fits also what is not known. */
  readonly fitsAll: boolean;
  fits(kind: ToolKind, name: string): boolean;
  /** Whether a command that begins so may fit. */
  mayFit(beginning: string): boolean;
}

export interface ReadRules {
  readonly deny: readonly Rule[];
  readonly ask: readonly Rule[];
  readonly allow: readonly Rule[];
  readonly default: Outcome;
}

/** Names of files are compared as the usual file systems of this platform do. */
const ignoresCase = process.platform === "darwin" || process.platform === "win32";

const aliases: Readonly<Record<string, ToolKind>> = { bash: "execute", write: "edit" };

/** Patterns are those that the configuration has checked. */
export function readRules(rules: Pick<PermissionRules, "deny" | "ask" | "allow" | "default">): ReadRules {
  return {
    deny: rules.deny.map(readRule),
    ask: rules.ask.map(readRule),
    allow: rules.allow.map(readRule),
    default: rules.default,
  };
}

function readRule(text: string): Rule {
  const colon = text.indexOf(":");
  const [kindName, pattern] = [text.slice(0, colon), text.slice(colon + 1).trim()];
  const kind = aliases[kindName] ?? toolKinds.find((known) => known === kindName) ?? "*";
  const matchers = new Map((kind === "*" ? toolKinds : [kind]).map((one) => [one, matcherFor(one, pattern)]));
  return {
    text,
    kind,
    fitsAll: /^\*+$/.test(pattern),
    fits: (asked, name) => matchers.get(asked)?.(name) ?? false,
    mayFit: (beginning) => commandMayFit(pattern, beginning),
  };
}

function matcherFor(kind: ToolKind, pattern: string): Matcher {
  if (isPathKind(kind)) return pathPattern(pattern, ignoresCase);
  if (kind === "execute") return commandPattern(pattern, ignoresCase);
  if (kind === "mcp") return toolPattern(pattern);
  return textPattern(pattern, kind === "fetch" || ignoresCase);
}

export function rulingOn(facet: Facet, rules: ReadRules): Ruling {
  const denied = rules.deny.find((rule) => guards(rule, facet));
  if (denied) return { outcome: "deny", rule: `deny ${denied.text}`, by: "rule" };
  const asked = rules.ask.find((rule) => guards(rule, facet));
  if (asked) return { outcome: "ask", rule: `ask ${asked.text}`, by: "rule" };
  if (rules.default !== "deny") {
    // What cannot be read may be just what a rule is about.
    const { unclear, beginnings = [] } = facet;
    const suspect = [...rules.deny, ...rules.ask].find(
      (rule) => concerns(rule, facet) && (unclear || beginnings.some((one) => rule.mayFit(one))),
    );
    if (suspect) return { outcome: "ask", rule: `cannot tell whether ${suspect.text} fits`, by: "unclear" };
  }
  if (facet.kinds.length === 0) return { outcome: "allow", rule: "default allow", by: "default" };
  const allowing = allowingRules(facet, rules.allow);
  if (allowing) return { outcome: "allow", rule: `allow ${allowing.map(({ text }) => text).join(", ")}`, by: "rule" };
  return { outcome: rules.default, rule: `default ${rules.default}`, by: "default" };
}

/** The kinds under which a rule that forbids looks at a facet. */
function concerns({ kind }: Rule, { kinds, guardedBy }: Facet): boolean {
  return kind === "*" || kinds.includes(kind) || guardedBy.includes(kind);
}

function guards(rule: Rule, facet: Facet): boolean {
  if (!concerns(rule, facet)) return false;
  if (rule.fitsAll) return true;
  const kinds = [...facet.kinds, ...facet.guardedBy];
  const fits = (name: string): boolean => kinds.some((kind) => rule.fits(kind, name));
  return facet.proper.some((spellings) => spellings.some(fits)) || facet.suspected.some(fits);
}

/** The rules that together fit every part of it; undefined when they do not. */
function allowingRules(facet: Facet, allow: readonly Rule[]): Rule[] | undefined {
  const concerned = allow.filter(({ kind }) => kind === "*" || facet.kinds.includes(kind));
  // `edit:*` is every path of the kiln, so it has to be known where a path lies; `*:*` is everything.
  const isPath = facet.kinds.some(isPathKind);
  const all = concerned.find(({ fitsAll, kind }) => fitsAll && (kind === "*" || !isPath));
  if (all) return [all];
  if (facet.unclear || facet.proper.length === 0) return undefined;
  const used = new Set<Rule>();
  for (const spellings of facet.proper) {
    const rule = concerned.find((one) => spellings.some((name) => facet.kinds.some((kind) => one.fits(kind, name))));
    if (!rule) return undefined;
    used.add(rule);
  }
  return [...used];
}
