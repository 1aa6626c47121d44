/** The tool `wait_delegation`: waits until one of several running delegations ends, or needs a human. */
import { z } from "zod";
import { startHeartbeat } from "../heartbeat.ts";
import { describeAll } from "../result-text.ts";
import { defineTool } from "../tool.ts";
import { waitAskedForMs, waitBudgetMs } from "../wait-budget.ts";

/** Longest wait a caller can ask for, in seconds. */
const maxWaitSeconds = 3600;

export const waitDelegation = defineTool({
  name: "wait_delegation",
  title: "Wait for delegations",

  describe: () =>
    "Wait for delegations that are still running (status running). Returns as soon as one of them has ended, or waits for the " +
    "user to answer a permission question, or when the time is up; call it again for the rest, without the ids that have ended.",

  input: z.strictObject({
    ids: z.array(z.string().min(1)).min(1).max(100).describe("delegation_id of each one to wait for."),
    wait_seconds: z.number().min(0).max(maxWaitSeconds).nullish().describe("Longest wait; a safe time when missing."),
  }),

  async run({ ids, wait_seconds: waitSeconds }, call, { delegations, bus }) {
    const { session, signal } = call;
    // An id that stands there twice is one delegation.
    const wanted = [...new Set(ids)];
    const live = wanted.flatMap((id) => delegations.find(session, id).live ?? []);
    const timeoutMs =
      waitSeconds === undefined || waitSeconds === null ? waitBudgetMs(call) : waitAskedForMs(call, waitSeconds * 1000);
    const stops = live.map((delegation) => startHeartbeat(delegation, call, bus));
    const hasNews = live.length < wanted.length;
    try {
      if (!hasNews) await delegations.waitForNews(live, { timeoutMs, signal });
    } finally {
      for (const stop of stops) stop();
    }
    const results = wanted.map((id) => delegations.resultOf(session, id));
    const waiting = live.filter((delegation) => delegation.questions.areOpen).map(({ id }) => id);
    return {
      content: [{ type: "text", text: describeAll(results, waiting) }],
      structuredContent: { delegations: results, waiting_for_human: waiting },
    };
  },
});
