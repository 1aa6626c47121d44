/** What an agent tells of the tokens and the cost of a session (ACP, "Usage update"). */
import type { DelegationUsage } from "../base/delegation.ts";
import { isRecord } from "./wire.ts";

export const noUsage: DelegationUsage = { tokens: null, cost: null };

/** The usage after a `usage_update`, which may leave out the one or the other. */
export function usageAfter(update: Readonly<Record<string, unknown>>, before: DelegationUsage): DelegationUsage {
  const { used, cost } = update;
  const isCost = isRecord(cost) && typeof cost["amount"] === "number" && typeof cost["currency"] === "string";
  return {
    tokens: typeof used === "number" ? used : before.tokens,
    cost: isCost ? { amount: Number(cost["amount"]), currency: String(cost["currency"]) } : before.cost,
  };
}

/** The usage after the answer to a prompt: the count of the whole turn counts more than an update's. */
export function usageAfterTurn(answer: unknown, before: DelegationUsage): DelegationUsage {
  const usage = isRecord(answer) ? answer["usage"] : undefined;
  const tokens = isRecord(usage) ? usage["totalTokens"] : undefined;
  return typeof tokens === "number" ? { ...before, tokens } : before;
}
