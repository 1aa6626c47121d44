/** What an agent tells of the tokens and the cost of a session (ACP, "Usage update"). */
import type { DelegationUsage } from "../base/delegation.ts";
import { oneLine } from "../base/text.ts";
import { isRecord } from "./wire.ts";

export const noUsage: DelegationUsage = { tokens: null, cost: null };

/** Longest name of a currency that is kept; codes have three letters (ISO 4217). */
const maxCurrencyCharacters = 8;

/** The usage after a `usage_update`, which may leave out the one or the other. A figure that none can be is not taken. */
export function usageAfter(update: Readonly<Record<string, unknown>>, before: DelegationUsage): DelegationUsage {
  const { used, cost } = update;
  return { tokens: isFigure(used) ? used : before.tokens, cost: costIn(cost) ?? before.cost };
}

/** The usage after the answer to a prompt: the count of the whole turn counts more than an update's. */
export function usageAfterTurn(answer: unknown, before: DelegationUsage): DelegationUsage {
  const usage = isRecord(answer) ? answer["usage"] : undefined;
  const tokens = isRecord(usage) ? usage["totalTokens"] : undefined;
  return isFigure(tokens) ? { ...before, tokens } : before;
}

function costIn(cost: unknown): DelegationUsage["cost"] {
  if (!isRecord(cost) || !isFigure(cost["amount"]) || typeof cost["currency"] !== "string") return null;
  return { amount: cost["amount"], currency: oneLine(cost["currency"], maxCurrencyCharacters) };
}

/** Sums of them are compared with budgets: one below zero would give back what others have used. */
function isFigure(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}
