/**
 * Delegations at children that end in every way there is, in any order: each gets its one outcome, no more run than may, and no
 * place is lost. The children are played here; no process is started.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "../../support/fast-check.ts";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { RpcError, type Peer } from "../../../src/acp/wire.ts";
import { agentExited, agentNotFound } from "../../../src/agents/errors.ts";
import { deferred } from "../../../src/base/deferred.ts";
import type { DelegationStatus } from "../../../src/base/delegation.ts";
import { Scope } from "../../../src/base/scope.ts";
import type { Config } from "../../../src/config/config.ts";
import { Delegations } from "../../../src/delegation/delegations.ts";
import type { ChildRequest, DelegationPorts, OpenedChild } from "../../../src/delegation/ports.ts";
import { createBus } from "../../../src/observe/bus.ts";
import { maxWaitingMessages } from "../../../src/delegation/child-messages.ts";
import { maxRestingPerTree } from "../../../src/delegation/resting-children.ts";
import { maxQueuedCharacters, maxQueuedDelegations } from "../../../src/delegation/waiting-line.ts";
import { runTasks } from "../../../src/mcp/run-tasks.ts";
import type { ToolContext } from "../../../src/mcp/tool.ts";
import { rootGrant } from "../../../src/sessions/grant.ts";
import type { DelegationRecord, SessionRecord, Store } from "../../../src/sessions/records.ts";
import { Session } from "../../../src/sessions/session.ts";
import { profile } from "../sessions/profiles.ts";
import { kilnIn } from "../../support/kilns.ts";

const nobody: Peer = { request: () => Promise.reject(new Error("nobody is asked")), notify: () => {} };

/** How a child comes to its end, and what its delegation is then. */
const ends = {
  completes: "completed",
  declines: "refused",
  errs: "failed",
  dies: "failed",
  "is not installed": "failed",
  "is too slow": "timed_out",
} as const satisfies Record<string, DelegationStatus>;

type End = keyof typeof ends;

interface Plan {
  end: End;
  /** Turns of the event loop its start and its work take. */
  startsAfter: number;
  endsAfter: number;
  /** When its caller cancels it, counted from the call; never if missing. */
  cancelledAfter: number | undefined;
}

const quick = (): Plan => ({ end: "completes", startsAfter: 0, endsAfter: 0, cancelledAfter: undefined });

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** A house with one caller; the task of a delegation is the number of its plan. */
function house(concurrency: number, plans: readonly Plan[], { idleSeconds = 0 } = {}) {
  const worker = { ...profile("worker", { enabled: false }), idleSeconds };
  const caller = profile("caller", { maxConcurrentDelegations: concurrency });
  const stats = { running: 0, mostRunning: 0 };
  const saved = new Map<string, DelegationRecord>();
  const root = new Session({
    origin: "editor",
    profile: caller,
    grant: rootGrant(caller),
    kiln: kilnIn("/kiln"),
    cwd: "/kiln",
    client: nobody,
    scope: new Scope((what, error) => expect.unreachable(`${what}: ${String(error)}`)),
    interceptors: () => [],
  });
  root.opened();

  async function openChild({
    id,
    caller: parent,
    title,
    client,
    signal,
    ...request
  }: ChildRequest): Promise<OpenedChild> {
    const plan = plans[Number(title)]!;
    stats.running++;
    stats.mostRunning = Math.max(stats.mostRunning, stats.running);
    const scope = new Scope((what, error) => expect.unreachable(`${what}: ${String(error)}`));
    // An agent takes its time to go, too.
    scope.add("process", () => turns(2).then(() => void stats.running--));
    const { profile: chosen, grant, narrowing, kiln, cwd } = request;
    const session = new Session({
      id,
      origin: "delegation",
      profile: chosen,
      grant,
      narrowing,
      kiln,
      cwd,
      parent,
      title,
      client,
      scope,
      interceptors: () => [],
    });
    parent.children.add(session);
    await turns(plan.startsAfter);
    if (signal.aborted || plan.end === "is not installed") {
      await session.end("it could not be started");
      throw signal.aborted ? signal.reason : agentNotFound.create("agent worker is not installed");
    }
    session.bind({ peer: played(plan), agentSessionId: id, pid: 1 });
    session.opened();
    return { session, isFork: false, canReopen: true, gone: new Promise(() => {}) };
  }

  const store = {
    saveSession: () => {},
    findSession: (): SessionRecord | undefined => undefined,
    saveDelegation: (record: DelegationRecord) => void saved.set(record.id, record),
    findDelegation: (id: string) => saved.get(id),
    delegationsOf: (id: string) => [...saved.values()].filter(({ callerSessionId }) => callerSessionId === id),
  } satisfies Partial<Store> as unknown as Store;
  const bugs: unknown[] = [];
  const bus = createBus();
  bus.on("bug", ({ error }) => bugs.push(error));
  const ports: DelegationPorts = {
    config: () => ({ agents: new Map([caller, worker].map((one) => [one.name, one])) }) as unknown as Config,
    openChild,
    worktrees: { create: () => Promise.reject(new Error("nobody asks for a worktree")) },
    placeOfChild: ({ cwd, kiln }) => Promise.resolve({ cwd, kiln }),
    store,
    bus,
  };
  return { delegations: new Delegations(ports), root, stats, saved, bugs, bus };
}

/** An agent that does what its plan says, and ends its turn when it is told to cancel. */
function played({ end, endsAfter }: Plan): Peer {
  const cancelled = deferred<unknown>();
  const work = async (): Promise<unknown> => {
    await turns(endsAfter);
    if (end === "errs") throw new RpcError({ code: -32000, message: "no" });
    if (end === "dies") throw agentExited.create("agent worker exited with code 1");
    if (end === "is too slow") return cancelled.promise;
    return { stopReason: end === "declines" ? "refusal" : "end_turn" };
  };
  return {
    request: () => Promise.race([work(), cancelled.promise]),
    notify: (method) => method === "session/cancel" && cancelled.resolve({ stopReason: "cancelled" }),
  };
}

const inputOf = (index: number, { end }: Plan) => ({
  agent: "worker",
  task: "do it",
  description: String(index),
  timeoutSeconds: end === "is too slow" ? 0.002 : undefined,
});

const anyPlan: fc.Arbitrary<Plan> = fc.record({
  end: fc.constantFrom(...(Object.keys(ends) as End[])),
  startsAfter: fc.nat(3),
  endsAfter: fc.nat(5),
  cancelledAfter: fc.option(fc.nat(12), { nil: undefined, freq: 2 }),
});

test("under random ends and cancels each has one outcome, no more run than may, and every place is free again", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPlan, { maxLength: 9 }),
      fc.integer({ min: 1, max: 3 }),
      async (plans, concurrency) => {
        // At the end as many as may run are begun at once.
        const probes = Array.from({ length: concurrency }, quick);
        const { delegations, root, stats, saved, bugs } = house(concurrency, [...plans, ...probes]);
        const begun = plans.map((plan, index) => ({ plan, delegation: delegations.begin(root, inputOf(index, plan)) }));
        const results = await Promise.all(
          begun.map(async ({ plan, delegation }) => {
            if (plan.cancelledAfter !== undefined) {
              await turns(plan.cancelledAfter);
              delegation.cancel("enough");
            }
            return delegation.ended;
          }),
        );

        for (const [index, { delegation_id: id, status, error }] of results.entries()) {
          const plan = plans[index]!;
          const possible = [ends[plan.end], ...(plan.cancelledAfter === undefined ? [] : ["cancelled"])];
          expect(possible).toContain(status);
          expect(error === undefined).toBe(status === "completed");
          expect(saved.get(id)?.status).toBe(status);
        }
        expect(stats.mostRunning).toBeLessThanOrEqual(concurrency);
        expect(delegations.counts()).toEqual({ running: 0, queued: 0 });
        expect(delegations.liveOf(root)).toEqual([]);

        while (stats.running > 0) await nextTurn();
        stats.mostRunning = 0;
        await Promise.all(
          probes.map((plan, index) => delegations.begin(root, inputOf(plans.length + index, plan)).ended),
        );
        expect(stats.mostRunning).toBe(concurrency);
        await root.end("the test is over");
        expect(bugs).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
});

test("results of one call stand in the order of its tasks, whatever happens to each, and when", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPlan, { minLength: 1, maxLength: 9 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      async (plans, concurrency, isCutShort) => {
        const { delegations, root, saved, bus } = house(concurrency, plans);
        // A caller that may wait for a moment only gets handles in place of what is not done by then.
        root.revise({
          profile: profile("caller", {
            maxConcurrentDelegations: concurrency,
            waitSeconds: isCutShort ? 0.001 : Number.POSITIVE_INFINITY,
          }),
          grant: root.grant,
        });
        const call = { session: root, signal: new AbortController().signal, progress: () => {}, hearsProgress: true };
        const context = { delegations, bus } as unknown as ToolContext;
        const inputs = plans.map((plan, index) => inputOf(index, plan));
        const running = runTasks(inputs, call, { context, background: false });
        const begun = delegations.liveOf(root);
        for (const [index, { cancelledAfter }] of plans.entries()) {
          if (cancelledAfter !== undefined) void turns(cancelledAfter).then(() => begun[index]?.cancel("enough"));
        }
        const results = await running;
        expect(results.map(({ delegation_id: id }) => saved.get(id)?.title)).toEqual(
          plans.map((_, index) => String(index)),
        );
        if (!isCutShort) expect(results.map(({ status }) => status)).not.toContain("running");
        await root.end("the test is over");
      },
    ),
    { numRuns: 80 },
  );
});

test("children that rest take no place, never more than may of one tree, and all go with it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPlan, { maxLength: 9 }),
      fc.integer({ min: 1, max: 3 }),
      async (plans, concurrency) => {
        const probes = Array.from({ length: concurrency }, quick);
        const { delegations, root, stats, bugs } = house(concurrency, [...plans, ...probes], { idleSeconds: 3600 });
        const begun = plans.map((plan, index) => ({ plan, delegation: delegations.begin(root, inputOf(index, plan)) }));
        await Promise.all(
          begun.map(async ({ plan, delegation }) => {
            if (plan.cancelledAfter !== undefined) {
              await turns(plan.cancelledAfter);
              delegation.cancel("enough");
            }
            return delegation.ended;
          }),
        );
        expect(delegations.counts()).toEqual({ running: 0, queued: 0 });
        while (stats.running > maxRestingPerTree) await nextTurn();
        expect(stats.mostRunning).toBeLessThanOrEqual(concurrency + maxRestingPerTree);

        await Promise.all(
          probes.map((plan, index) => delegations.begin(root, inputOf(plans.length + index, plan)).ended),
        );
        const oldest = delegations.endOldestResting();
        await oldest;
        await root.end("the test is over");
        expect(stats.running).toBe(0);
        expect(delegations.endOldestResting()).toBeUndefined();
        expect(bugs).toEqual([]);
      },
    ),
    { numRuns: 80 },
  );
});

test("the end of the caller's session ends all it had asked for, those that wait too, and each is kept as cancelled", async () => {
  const plan: Plan = { end: "is too slow", startsAfter: 1, endsAfter: 1, cancelledAfter: undefined };
  const { delegations, root, saved, stats } = house(2, [plan, plan, plan, plan]);
  for (let index = 0; index < 4; index++) {
    delegations.begin(root, { ...inputOf(index, plan), timeoutSeconds: undefined });
  }
  await turns(5);
  expect(delegations.counts()).toEqual({ running: 2, queued: 2 });
  await root.end("the editor went away");
  expect([...saved.values()].map(({ status }) => status)).toEqual(Array(4).fill("cancelled"));
  expect(delegations.counts()).toEqual({ running: 0, queued: 0 });
  expect(stats.mostRunning).toBe(2);
});

test("no more than so many wait: the next is refused with their number, and taken when there is room again", async () => {
  const plan: Plan = { end: "is too slow", startsAfter: 0, endsAfter: 0, cancelledAfter: undefined };
  const { delegations, root } = house(1, Array<Plan>(maxQueuedDelegations + 3).fill(plan));
  const begin = (index: number) => delegations.begin(root, { ...inputOf(index, plan), timeoutSeconds: undefined });
  const [first] = Array.from({ length: 1 + maxQueuedDelegations }, (_, index) => begin(index));
  expect(delegations.counts()).toEqual({ running: 1, queued: maxQueuedDelegations });
  expect(() => begin(maxQueuedDelegations + 1)).toThrow(
    expect.objectContaining({
      code: "CRU_DELEGATION_LIMIT",
      message: `${maxQueuedDelegations} delegations of caller wait already`,
    }),
  );
  await turns(5);
  first!.cancel("make room");
  await first!.ended;
  await turns(5);
  begin(maxQueuedDelegations + 2);
  await root.end("the test is over");
});

test("one that is cancelled while it waits makes room for another at once, also while the first goes on", async () => {
  const plan: Plan = { end: "is too slow", startsAfter: 0, endsAfter: 0, cancelledAfter: undefined };
  const { delegations, root } = house(1, Array<Plan>(2 * maxQueuedDelegations).fill(plan));
  const begin = (index: number) => delegations.begin(root, { ...inputOf(index, plan), timeoutSeconds: undefined });
  const begun = Array.from({ length: 1 + maxQueuedDelegations }, (_, index) => begin(index));
  await turns(5);
  const waiting = begun.slice(1);
  for (const one of waiting) one.cancel("make room");
  for (const [index] of waiting.entries()) begin(1 + maxQueuedDelegations + index);
  await Promise.all(waiting.map((one) => one.ended));
  expect(delegations.counts()).toEqual({ running: 1, queued: maxQueuedDelegations });
  expect(begun[0]!.stage).toBe("running");
  await root.end("the test is over");
});

test("no more messages wait for a child than it may have", async () => {
  const plan: Plan = { end: "is too slow", startsAfter: 0, endsAfter: 0, cancelledAfter: undefined };
  const { delegations, root } = house(1, [plan]);
  const delegation = delegations.begin(root, { ...inputOf(0, plan), timeoutSeconds: undefined });
  await turns(5);
  for (let number = 0; number < maxWaitingMessages; number++) expect(delegation.send("go on")).toBe("taken");
  expect(delegation.send("go on")).toBe("full");
  delegation.cancel("enough");
  expect(delegation.send("go on")).toBe("over");
  await root.end("the test is over");
});

test("a listener that fails costs no delegation its end", async () => {
  const { delegations, root, bus, bugs } = house(1, [quick(), quick()]);
  const stop = bus.on("delegation.progress", () => {
    throw new Error("no");
  });
  expect(await delegations.begin(root, inputOf(0, quick())).ended).toMatchObject({ status: "completed" });
  expect(bugs).not.toEqual([]);
  stop();
  expect(await delegations.begin(root, inputOf(1, quick())).ended).toMatchObject({ status: "completed" });
  await root.end("the test is over");
});

test("no more text waits than is good for the memory: the next is refused with how much there is", async () => {
  const plan: Plan = { end: "is too slow", startsAfter: 0, endsAfter: 0, cancelledAfter: undefined };
  const { delegations, root } = house(1, Array<Plan>(20).fill(plan));
  const context = "x".repeat(maxQueuedCharacters / 4);
  const begin = (index: number) =>
    delegations.begin(root, { ...inputOf(index, plan), context, timeoutSeconds: undefined });
  // The first runs; what it holds does not wait.
  for (let index = 0; index < 5; index++) begin(index);
  expect(() => begin(5)).toThrow(
    expect.objectContaining({
      code: "CRU_DELEGATION_LIMIT",
      message: expect.stringMatching(/4 delegations of caller wait already, with \d+ characters of text/) as string,
    }),
  );
  await root.end("the test is over");
});

test("budgets hold under any number of calls: never more are let in than the root's limit", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 10 }), async (most, calls) => {
      const { delegations, root, saved } = house(3, Array.from({ length: calls }, quick));
      root.revise({
        profile: profile("caller", { maxConcurrentDelegations: 3, maxAgentsPerTree: most }),
        grant: root.grant,
      });
      const { signal } = new AbortController();
      const results = await Promise.all(
        Array.from({ length: calls }, (_, index) => delegations.delegate(root, inputOf(index, quick()), signal)),
      );
      expect(saved.size).toBe(Math.min(most, calls));
      const refused = results.filter(({ error }) => error?.code === "CRU_DELEGATION_BUDGET");
      expect(refused).toHaveLength(Math.max(0, calls - most));
      await root.end("the test is over");
    }),
    { numRuns: 40 },
  );
});

describe("a child that waits for its human, or has just been answered", () => {
  const stallSeconds = 10;

  /** A silent child at work, under a clock of the test's own. */
  async function silentChild() {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const plan: Plan = { end: "is too slow", startsAfter: 0, endsAfter: 0, cancelledAfter: undefined };
    const { delegations, root, bus } = house(1, [plan]);
    root.revise({ profile: profile("caller", { stallSeconds }), grant: root.grant });
    const delegation = delegations.begin(root, { ...inputOf(0, plan), timeoutSeconds: undefined });
    await turns(5);
    const question = { questionId: "ask_1", sessionId: delegation.childSessionId!, rootId: root.id, title: "May I?" };
    return {
      delegation,
      bus,
      child: [...root.children][0]!,
      ask: () => bus.emit("permission.asked", question),
      answer: () => bus.emit("permission.answered", { ...question, outcome: "allowed" }),
      pass: async (seconds: number) => {
        await vi.advanceTimersByTimeAsync(seconds * 1000);
        await turns(5);
      },
    };
  }

  /** One that is being started. */
  function childOf(child: Session): Session {
    const { profile: own, grant, cwd } = child;
    const below = new Session({
      origin: "delegation",
      profile: own,
      grant,
      cwd,
      kiln: child.kiln,
      parent: child,
      client: nobody,
      scope: new Scope((what, error) => expect.unreachable(`${what}: ${String(error)}`)),
      interceptors: () => [],
    });
    child.children.add(below);
    return below;
  }

  test("is not silent while it waits, and has its whole time again after the answer", async () => {
    const { delegation, ask, answer, pass } = await silentChild();
    await pass(stallSeconds - 1);
    ask();
    expect(delegation.questions.areOpen).toBe(true);
    await pass(stallSeconds * 3.5);
    answer();
    expect(delegation.questions.areOpen).toBe(false);
    await pass(stallSeconds - 0.1);
    expect(delegation.stage).toBe("running");
    await pass(stallSeconds);
    expect(delegation.snapshot).toMatchObject({ status: "timed_out", error: { code: "CRU_DELEGATION_STALLED" } });
  });

  test("does not wait any more when the one that asked has gone before its question was taken back", async () => {
    const { delegation, child, bus } = await silentChild();
    const asker = childOf(child);
    const question = { questionId: "ask_2", sessionId: asker.id, rootId: child.root.id, title: "May I?" };
    bus.emit("permission.asked", question);
    expect(delegation.questions.areOpen).toBe(true);
    child.children.delete(asker);
    bus.emit("permission.answered", { ...question, outcome: "withdrawn" });
    expect(delegation.questions.areOpen).toBe(false);
  });

  test("is not silent while a child of its own is being started, which has a deadline of its own", async () => {
    const { delegation, child, pass } = await silentChild();
    const below = childOf(child);
    await pass(stallSeconds * 3.5);
    expect(delegation.stage).toBe("running");
    below.opened();
    await pass(stallSeconds * 2.5);
    expect(delegation.snapshot).toMatchObject({ status: "timed_out", error: { code: "CRU_DELEGATION_STALLED" } });
  });
});
