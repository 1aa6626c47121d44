/** How much a delegation, a session and a whole tree may use, and what is told when it is used up. */
import { existsSync, writeFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  assertNoChildren,
  delegateLine,
  endOf,
  inKiln,
  nested,
  openParent,
  script,
  type Parent,
} from "./delegating.ts";
import { nth, slowPerson } from "./slow-person.ts";
import { callTool, delegateWith } from "./tool-calls.ts";

const rules = (...lines: string[]): { delegation: string } => ({ delegation: ["enabled = true", ...lines].join("\n") });

/** Longer than a busy machine leaves a child that works without a sign. */
const stallMs = 3000;

const config = [
  scriptedProfile("parent", rules("max_depth = 2")),
  scriptedProfile("timed", rules("timeout_seconds = 0.6")),
  scriptedProfile("watchful", rules("max_depth = 2", `stall_seconds = ${stallMs / 1000}`)),
  scriptedProfile("thrifty", rules("max_delegations_per_session = 2")),
  scriptedProfile("few", rules("max_depth = 2", "max_agents_per_tree = 3")),
  scriptedProfile("tokens", rules("max_depth = 2", "max_tokens_per_tree = 1000")),
  scriptedProfile("cost", rules("max_cost_per_tree = 1")),
  scriptedProfile("seconds", rules("max_seconds_per_tree = 0.3")),
  // What it may itself does not widen what its root may.
  scriptedProfile("middle", rules("max_agents_per_tree = 500", "max_tokens_per_tree = 1000000")),
  scriptedProfile("worker"),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let tools: Client;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
    tools = await parent.tools();
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [tools, parent]),
});

const make = (name: string): void => writeFileSync(inKiln(daemon, name), "");
const work = (...lines: string[]): { agent: string; task: string } => ({ agent: "worker", task: script(...lines) });

/** Time that has to pass for the promise under test to mean anything. */
async function reached(time: number): Promise<void> {
  await until(() => Date.now() >= time, { what: "the time" });
}

/** A session of its own for what is counted over a session's life. */
async function inSession(profile: string, run: (own: Client, parent: Parent) => Promise<void>): Promise<void> {
  await using opened = await openParent(daemon, profile);
  const own = await opened.tools();
  await run(own, opened);
  await own.close();
}

describe("max_turns", () => {
  const threeCalls = ["tool {}", "tool {}", "tool {}"];

  test("lets a child make so many tool calls", async () => {
    const result = await delegateWith(tools, { ...work(...threeCalls, "say done"), max_turns: 3 });
    expect(result).toMatchObject({ status: "completed", result: "done" });
  });

  test("ends it at one more, with what it had said and what to do instead", async () => {
    const result = await delegateWith(tools, { ...work("say so far", ...threeCalls, "hang"), max_turns: 2 });
    expect(result).toMatchObject({ status: "failed", result: "so far", error: { code: "CRU_DELEGATION_LIMIT" } });
    expect(result.error?.message).toMatch(/2 tool calls/);
    expect(result.error?.hint).toMatch(/max_turns/);
  });
});

describe("time", () => {
  const isOver = { status: "timed_out", error: { code: "CRU_DELEGATION_TIMEOUT" } };

  test("of the call ends a child, and keeps what it had said", async () => {
    const result = await delegateWith(tools, { ...work("say so far", "hang"), timeout_seconds: 4 });
    expect(result).toMatchObject({ ...isOver, result: "so far" });
    expect(result.error?.message).toContain("worker");
  });

  test("of the profile is the upper limit of what a call may ask for", async () => {
    await inSession("timed", async (own) => {
      expect(await delegateWith(own, { ...work("hang"), timeout_seconds: 3600 })).toMatchObject(isOver);
      expect(await delegateWith(own, work("hang"))).toMatchObject(isOver);
    });
  });

  test("is that of the whole delegation: a further message does not begin it anew", async () => {
    const startedAt = Date.now();
    const input = { ...work("touch t.began", "wait-for t.go"), timeout_seconds: 4, background: true };
    const { delegation_id: id } = await delegateWith(tools, input);
    await callTool(tools, "send_to_delegation", { id, message: "hang" });
    await reached(startedAt + 3500);
    make("t.go");
    const { data } = await callTool<{ delegations: DelegationResult[] }>(tools, "wait_delegation", { ids: [id] });
    expect(data.delegations).toMatchObject([isOver]);
    expect(data.delegations[0]?.duration_ms).toBeLessThan(7000);
  });

  test("spent in the queue does not count", async () => {
    const tasks = [work("wait-for q.go"), work("wait-for q.go"), work("wait-for q.go"), work("say last")];
    const startedAt = Date.now();
    const batch = callTool<{ results: DelegationResult[] }>(tools, "delegate_session", {
      tasks: tasks.map((task, index) => (index === 3 ? { ...task, timeout_seconds: 4 } : task)),
    });
    await reached(startedAt + 4100);
    make("q.go");
    expect((await batch).data.results[3]).toMatchObject({ status: "completed", result: "last" });
  });
});

describe("stall_seconds", () => {
  test("ends a child that gives no sign of life", async () => {
    await inSession("watchful", async (own) => {
      const result = await delegateWith(own, work("say so far", "hang"));
      expect(result).toMatchObject({
        status: "timed_out",
        result: "so far",
        error: { code: "CRU_DELEGATION_STALLED" },
      });
      expect(result.error?.hint).toMatch(/stall_seconds/);
    });
  });

  test("lets one live that waits for its human, and gives it its time anew after the answer", async () => {
    await inSession("watchful", async (_own, own) => {
      let answer: (outcome: unknown) => void = () => {};
      const asked = new Promise<void>((resolve) => {
        own.editor.onRequest("session/request_permission", () => {
          resolve();
          return new Promise((settle) => (answer = settle));
        });
      });
      const task = script("ask", "wait-for st.go", "say patient");
      // Both the one that asks and the one that waits for it.
      const turn = own.delegate({ agent: "middle", task: delegateLine({ agent: "worker", task }) });
      await asked;
      const askedAt = Date.now();
      await reached(askedAt + stallMs + 500);
      answer({ outcome: { outcome: "selected", optionId: "allow" } });
      make("st.go");
      expect(nested(await turn)).toMatchObject({
        status: "completed",
        result: expect.stringMatching(/patient$/) as string,
      });
    });
  });

  test("lets one live whose question stands in line behind another's", async () => {
    await inSession("watchful", async (own, opened) => {
      const questions = slowPerson(opened);
      const first = delegateWith(own, work("ask"));
      await nth(questions, 0);
      const second = delegateWith(own, work("touch line.asks", "ask"));
      await until(() => existsSync(inKiln(daemon, "line.asks")), { what: "the second to ask" });
      await reached(Date.now() + stallMs + 500);
      (await nth(questions, 0)).answer("allow");
      (await nth(questions, 1)).answer("allow");
      expect(await Promise.all([first, second])).toMatchObject([{ status: "completed" }, { status: "completed" }]);
    });
  });

  test("lets one live whose own child is busy", async () => {
    await inSession("watchful", async (_own, own) => {
      const steps = [1, 2, 3, 4];
      const busy = steps.flatMap((step) => [`wait-for b${step}.go`, `say ${step}`]);
      const turn = own.delegate({
        agent: "middle",
        task: delegateLine({ agent: "worker", task: script("touch b.began", ...busy) }),
      });
      await until(() => existsSync(inKiln(daemon, "b.began")), { what: "the grandchild to begin" });
      const begunAt = Date.now();
      for (const step of steps) {
        await reached(begunAt + step * 0.3 * stallMs);
        make(`b${step}.go`);
      }
      expect(await turn).toMatchObject({ status: "completed" });
    });
  });
});

describe("max_delegations_per_session", () => {
  test("refuses the next one with the figures; what was refused does not count", async () => {
    await inSession("thrifty", async (own) => {
      expect(await delegateWith(own, { agent: "nobody", task: "x" })).toMatchObject({ status: "refused" });
      const batch = { tasks: [work("say one"), work("say two"), work("touch third")] };
      const { data } = await callTool<{ status: string; results: DelegationResult[] }>(own, "delegate_session", batch);
      expect(data.status).toBe("partial");
      expect(data.results.map(({ status }) => status)).toEqual(["completed", "completed", "refused"]);
      expect(data.results[2]?.error).toMatchObject({
        code: "CRU_DELEGATION_LIMIT",
        message: expect.stringMatching(/made 2 delegations, and max_delegations_per_session is 2/) as string,
        hint: expect.stringMatching(/yourself/) as string,
      });
      expect(existsSync(inKiln(daemon, "third"))).toBe(false);
    });
  });

  test("counts each session by itself", async () => {
    for (let session = 0; session < 2; session++) {
      await inSession("thrifty", async (own) => {
        expect(await delegateWith(own, work("say fine"))).toMatchObject({ status: "completed" });
      });
    }
  });
});

describe("a tree's budget refuses the next delegation, and says how much was used", () => {
  function refusal({ status, error, session_id: session }: DelegationResult): string {
    expect([status, session, error?.code]).toEqual(["refused", null, "CRU_DELEGATION_BUDGET"]);
    expect(error?.hint).toMatch(/./);
    return error!.message;
  }

  test("agents, over all generations, by the root's own limit", async () => {
    await inSession("few", async (own) => {
      const below = `delegates ${JSON.stringify([work("say a"), work("say b"), work("touch fourth")])}`;
      const child = await delegateWith(own, { agent: "middle", task: below });
      const results = JSON.parse(child.result) as DelegationResult[];
      expect(results.map(({ status }) => status)).toEqual(["completed", "completed", "refused"]);
      const figures = /3 agents were started in this tree, and max_agents_per_tree of few is 3/;
      expect(refusal(results[2]!)).toMatch(figures);
      expect(refusal(await delegateWith(own, work("touch fourth")))).toMatch(figures);
      expect(existsSync(inKiln(daemon, "fourth"))).toBe(false);
    });
  });

  test("tokens, as the agents report them; who runs already is not cut off", async () => {
    await inSession("tokens", async (own) => {
      const running = delegateWith(
        own,
        work("usage 700", "touch tk.began", "wait-for tk.go", "usage 900", "say finished"),
      );
      await until(() => existsSync(inKiln(daemon, "tk.began")), { what: "the first to begin" });
      const below = delegateLine(work("usage 400", "say from below"));
      expect(nested(await delegateWith(own, { agent: "middle", task: below }))).toMatchObject({ status: "completed" });
      expect(refusal(await delegateWith(own, work("say x")))).toMatch(
        /1100 tokens.*max_tokens_per_tree of tokens is 1000/,
      );
      make("tk.go");
      expect(await running).toMatchObject({ status: "completed", result: "finished", usage: { tokens: 900 } });
      expect(refusal(await delegateWith(own, work("say x")))).toMatch(/1300 tokens/);
    });
  });

  test("cost", async () => {
    await inSession("cost", async (own) => {
      const costly = work('usage {"used":1,"cost":{"amount":0.6,"currency":"USD"}}', "say dear");
      for (let count = 0; count < 2; count++) {
        expect(await delegateWith(own, costly)).toMatchObject({
          status: "completed",
          usage: { cost: { amount: 0.6 } },
        });
      }
      expect(refusal(await delegateWith(own, costly))).toMatch(/cost 1\.20.*max_cost_per_tree of cost is 1/);
    });
  });

  test("time, of all of them together", async () => {
    await inSession("seconds", async (own) => {
      const startedAt = Date.now();
      const both = callTool(own, "delegate_session", { tasks: [work("wait-for sec.go"), work("wait-for sec.go")] });
      await reached(startedAt + 350);
      make("sec.go");
      await both;
      expect(refusal(await delegateWith(own, work("say x")))).toMatch(
        /have run for .*max_seconds_per_tree of seconds is 0\.3/,
      );
    });
  });

  test("another tree has its own", async () => {
    await inSession("few", async (own) => {
      for (let count = 0; count < 3; count++) {
        expect(await delegateWith(own, work("say fine"))).toMatchObject({ status: "completed" });
      }
      refusal(await delegateWith(own, work("say x")));
    });
  });
});
