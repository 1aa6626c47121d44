/** The budget of a tree, against a plain sum of what was used. */
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import type { DelegationRules } from "../../../src/config/config.ts";
import { Budget, type Spending } from "../../../src/delegation/budget.ts";
import { profile } from "../sessions/profiles.ts";

const unlimited = profile("root").delegation;

const anySpending: fc.Arbitrary<Spending> = fc.record({
  usage: fc.record({
    tokens: fc.option(fc.integer({ min: 0, max: 1000 })),
    cost: fc.option(fc.record({ amount: fc.integer({ min: 0, max: 100 }), currency: fc.constant("USD") })),
  }),
  runMs: fc.integer({ min: 0, max: 10_000 }),
});

const anyLimits: fc.Arbitrary<DelegationRules> = fc
  .tuple(
    fc.integer({ min: 1, max: 12 }),
    fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
    fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
    fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
  )
  .map(
    ([maxAgentsPerTree, maxTokensPerTree, maxCostPerTree, maxSecondsPerTree]) =>
      profile("root", { maxAgentsPerTree, maxTokensPerTree, maxCostPerTree, maxSecondsPerTree }).delegation,
  );

interface Totals {
  agents: number;
  tokens: number;
  cost: number;
  runMs: number;
}

function totalsOf(spent: readonly Spending[]): Totals {
  const sum = (of: (one: Spending) => number): number => spent.reduce((total, one) => total + of(one), 0);
  return {
    agents: spent.length,
    tokens: sum(({ usage }) => usage.tokens ?? 0),
    cost: sum(({ usage }) => usage.cost?.amount ?? 0),
    runMs: sum(({ runMs }) => runMs),
  };
}

function isUsedUp({ agents, tokens, cost, runMs }: Totals, rules: DelegationRules): boolean {
  return (
    agents >= rules.maxAgentsPerTree ||
    tokens >= (rules.maxTokensPerTree ?? Infinity) ||
    cost >= (rules.maxCostPerTree ?? Infinity) ||
    runMs / 1000 >= (rules.maxSecondsPerTree ?? Infinity)
  );
}

test("the next one is refused exactly when a limit is reached, whoever has ended and whoever still runs", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anySpending, fc.boolean()), { maxLength: 12 }), anyLimits, (delegations, rules) => {
      const budget = new Budget();
      for (const [spending, hasEnded] of delegations) {
        const settle = budget.add(() => spending);
        if (hasEnded) settle();
      }
      const totals = totalsOf(delegations.map(([spending]) => spending));
      const refusal = budget.refusal(rules, "root");
      expect(refusal !== undefined).toBe(isUsedUp(totals, rules));
      if (refusal) expect(refusal).toMatchObject({ code: "CRU_DELEGATION_BUDGET", details: totals });
    }),
  );
});

test("of those that are let in, none comes when a limit was reached before it", () => {
  fc.assert(
    fc.property(fc.array(anySpending, { maxLength: 30 }), anyLimits, (wanted, rules) => {
      const budget = new Budget();
      const accepted: Spending[] = [];
      for (const spending of wanted) {
        if (budget.refusal(rules, "root")) continue;
        expect(isUsedUp(totalsOf(accepted), rules)).toBe(false);
        budget.add(() => spending);
        accepted.push(spending);
      }
      expect(accepted.length).toBeLessThanOrEqual(rules.maxAgentsPerTree);
    }),
  );
});

test("what grows while it runs counts as it stands; what has ended keeps its figures and is asked no more", () => {
  const budget = new Budget();
  const rules = { ...unlimited, maxTokensPerTree: 100 };
  let tokens = 40;
  let asked = 0;
  const settle = budget.add(() => {
    asked++;
    return { usage: { tokens, cost: null }, runMs: 0 };
  });
  expect(budget.refusal(rules, "root")).toBeUndefined();
  tokens = 100;
  expect(budget.refusal(rules, "root")?.message).toMatch(/100 tokens.*max_tokens_per_tree of root is 100/);
  settle();
  settle();
  const before = asked;
  tokens = 0;
  expect(budget.refusal(rules, "root")?.message).toMatch(/100 tokens/);
  expect(asked).toBe(before);
});
