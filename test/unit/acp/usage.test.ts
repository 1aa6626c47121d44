/** What is believed of the figures that an agent tells. */
import { expect, test } from "vitest";
import { noUsage, usageAfter, usageAfterTurn } from "../../../src/acp/usage.ts";

const before = { tokens: 10, cost: { amount: 2, currency: "USD" } };

test("an update replaces what it names, and a turn's count counts more", () => {
  expect(usageAfter({ used: 12 }, before)).toEqual({ ...before, tokens: 12 });
  expect(usageAfter({ cost: { amount: 3, currency: "EUR" } }, before)).toEqual({
    tokens: 10,
    cost: { amount: 3, currency: "EUR" },
  });
  expect(usageAfterTurn({ usage: { totalTokens: 40 } }, before)).toEqual({ ...before, tokens: 40 });
  expect(usageAfterTurn({}, noUsage)).toEqual(noUsage);
});

test.each([-1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, 2 ** 60, "7", null])(
  "%s is no figure, and changes none",
  (figure) => {
    expect(usageAfter({ used: figure, cost: { amount: figure, currency: "USD" } }, before)).toEqual(before);
    expect(usageAfterTurn({ usage: { totalTokens: figure } }, before)).toEqual(before);
  },
);

test("of a currency no more is kept than one has", () => {
  const { cost } = usageAfter({ cost: { amount: 1, currency: "x".repeat(1000) } }, before);
  expect(cost?.currency.length).toBeLessThan(10);
});
