/**
 * What a whole tree of sessions has used, and whether the next delegation is still within the limits of the root's profile. What
 * an agent does not report cannot be counted, so agents and time are counted by Crucible itself.
 */
import type { DelegationUsage } from "../base/delegation.ts";
import type { CrucibleError } from "../base/errors.ts";
import { formatDuration } from "../base/text.ts";
import type { DelegationRules } from "../config/config.ts";
import type { Session } from "../sessions/session.ts";
import { budgetExceeded } from "./errors.ts";

export interface Spending {
  usage: DelegationUsage;
  /** Time it has run, in milliseconds; 0 while it waits. */
  runMs: number;
}

export class Budget {
  readonly #running = new Set<() => Spending>();
  #settled = { agents: 0, tokens: 0, cost: 0, runMs: 0 };

  /**
   * Counts an agent from now on, one that does a task or took a conversation over, with what it has used whenever somebody asks. Returns what to call at its end: the figures
   * stay, and it is asked no more.
   */
  add(spending: () => Spending): () => void {
    this.#running.add(spending);
    return () => {
      if (!this.#running.delete(spending)) return;
      this.#settled = sumOf([this.#settled, figuresOf(spending())]);
    };
  }

  /** The refusal of the next delegation, if a limit is reached. */
  refusal(rules: DelegationRules, root: string): CrucibleError | undefined {
    const running = [...this.#running].map((spending) => figuresOf(spending()));
    const { agents, tokens, cost, runMs } = sumOf([this.#settled, ...running]);
    const { maxAgentsPerTree, maxTokensPerTree, maxCostPerTree, maxSecondsPerTree } = rules;

    const exceeded =
      agents >= maxAgentsPerTree
        ? `${agents} agents were started in this tree, and max_agents_per_tree of ${root} is ${maxAgentsPerTree}`
        : reached(tokens, maxTokensPerTree)
          ? `the agents of this tree have used ${tokens} tokens, and max_tokens_per_tree of ${root} is ${maxTokensPerTree}`
          : reached(cost, maxCostPerTree)
            ? `the agents of this tree have cost ${cost.toFixed(2)}, and max_cost_per_tree of ${root} is ${maxCostPerTree}`
            : reached(runMs / 1000, maxSecondsPerTree)
              ? `the agents of this tree have run for ${formatDuration(runMs)}, and max_seconds_per_tree of ${root} is ${maxSecondsPerTree}`
              : undefined;
    if (exceeded === undefined) return undefined;
    return budgetExceeded.create(exceeded, {
      hint: "do the rest yourself and tell the user that the budget is used up",
      details: { agents, tokens, cost, runMs },
    });
  }
}

/** Throws the refusal of the next agent below a root, if one of its limits is reached. */
export function requireWithinBudget(budget: Budget, { profile }: Pick<Session, "profile">): void {
  const refusal = budget.refusal(profile.delegation, profile.name);
  if (refusal) throw refusal;
}

interface Figures {
  agents: number;
  tokens: number;
  cost: number;
  runMs: number;
}

function figuresOf({ usage, runMs }: Spending): Figures {
  return { agents: 1, tokens: usage.tokens ?? 0, cost: usage.cost?.amount ?? 0, runMs };
}

function sumOf(all: readonly Figures[]): Figures {
  return all.reduce((sum, one) => ({
    agents: sum.agents + one.agents,
    tokens: sum.tokens + one.tokens,
    cost: sum.cost + one.cost,
    runMs: sum.runMs + one.runMs,
  }));
}

function reached(value: number, limit: number | undefined): boolean {
  return limit !== undefined && value >= limit;
}
