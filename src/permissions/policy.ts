/**
 * What the rules of a whole lineage say about a deed: for each session the strictest ruling on anything it touches, and of these the
 * strictest again, since a child must not do what a session above it must not do. Pure.
 */
import type { Facet } from "./facets.ts";
import { rulingOn, type Outcome, type ReadRules, type Ruling } from "./rules.ts";

/** One session of a lineage. */
export interface Level {
  readonly profile: string;
  readonly rules: ReadRules;
  readonly facets: readonly Facet[];
}

export interface Verdict extends Ruling {
  /** Whose rule it is. */
  readonly profile: string;
}

export interface DecideOptions {
  /**
   * The agent did not ask: it is about to do it through its client. Only a rule that says ask then asks; where nothing but the
   * default would, the kiln and the sandbox are the boundary.
   */
  unasked?: boolean;
}

const strictness: Readonly<Record<Outcome, number>> = { allow: 0, ask: 1, deny: 2 };

/** Of several outcomes the one that counts. */
export function strictest<One extends Outcome>(outcomes: readonly One[]): One {
  return outcomes.reduce((one, other) => (strictness[other] > strictness[one] ? other : one));
}

/** The asking session comes first; of equally strict rulings the first counts, and a rule before a default. */
export function decide(lineage: readonly Level[], { unasked = false }: DecideOptions = {}): Verdict {
  const verdicts = lineage.flatMap(({ profile, rules, facets }) =>
    facets.map((facet) => ({ ...softened(rulingOn(facet, rules), unasked), profile })),
  );
  return verdicts.reduce((first, next) => (isStricter(next, first) ? next : first));
}

function softened(ruling: Ruling, unasked: boolean): Ruling {
  return unasked && ruling.by === "default" && ruling.outcome === "ask" ? { ...ruling, outcome: "allow" } : ruling;
}

function isStricter(one: Ruling, other: Ruling): boolean {
  if (one.outcome !== other.outcome) return strictness[one.outcome] > strictness[other.outcome];
  return one.by === "rule" && other.by !== "rule";
}
