/** Who may hand a conversation over, to whom and how often, without a process: sessions whose agents answer at once. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Peer } from "../../../src/acp/wire.ts";
import { Scope } from "../../../src/base/scope.ts";
import type { AgentProfile, DelegationRules } from "../../../src/config/config.ts";
import { DynamicAgents } from "../../../src/delegation/dynamic-agents.ts";
import { Budget } from "../../../src/delegation/budget.ts";
import { Handoffs, type HandoffInput } from "../../../src/delegation/handoff.ts";
import { agentStart } from "../../../src/process/errors.ts";
import { createBus } from "../../../src/observe/bus.ts";
import { rootGrant, type Grant } from "../../../src/sessions/grant.ts";
import type { HandoffRecord, Store } from "../../../src/sessions/records.ts";
import { Session, type SessionInit } from "../../../src/sessions/session.ts";
import { profile } from "../sessions/profiles.ts";
import { kilnIn } from "../../support/kilns.ts";

type Answer = (session: Session, text: string) => unknown;

const rules = { maxHandoffDepth: 3, maxHandoffsPerSession: 10 } satisfies Partial<DelegationRules>;

let agents: Map<string, AgentProfile>;
let records: HandoffRecord[];
let handoffs: Handoffs;
let root: Session;
let opened: Session[];
let said: string[];
/** What the agent of a name does with a prompt; it ends its turn when nothing is said here. */
let answers: Map<string, Answer>;
const dynamic = new DynamicAgents();

const store = {
  handoffsOf: (id: string) => records.filter(({ sessionId }) => sessionId === id),
  saveHandoff(record: HandoffRecord) {
    records = [...records.filter(({ number }) => number !== record.number), record];
  },
} as Store;

const editor: Peer = {
  request: () => Promise.reject(new Error("not asked")),
  notify(_, params) {
    const { update } = params as { update: { sessionUpdate: string; content?: { text: string } } };
    if (update.sessionUpdate === "agent_message_chunk") said.push(update.content!.text.trim());
  },
};

function session(init: Pick<SessionInit, "profile" | "grant" | "origin"> & Partial<SessionInit>): Session {
  const made: Session = new Session({
    kiln: kilnIn("/project"),
    cwd: "/project",
    client: editor,
    scope: new Scope((_, error) => {
      throw error;
    }),
    interceptors: (one) => handoffs.taps(one),
    ...init,
  });
  const peer: Peer = {
    notify: () => {},
    async request(_, params) {
      const { prompt } = params as { prompt: { text: string }[] };
      const text = prompt.map((block) => block.text).join("");
      return (await answers.get(made.profile.name)?.(made, text)) ?? { stopReason: "end_turn" };
    },
  };
  made.bind({ peer, agentSessionId: made.id, pid: 1 });
  made.parent?.children.add(made);
  made.opened();
  return made;
}

beforeEach(() => {
  records = [];
  opened = [];
  said = [];
  answers = new Map();
  agents = new Map(["a", "b", "c", "d", "e"].map((name) => [name, profile(name, rules)]));
  const budget = new Budget();
  handoffs = new Handoffs({
    agentsOf: (one) => ({ agents: new Map([...agents, ...dynamic.of(one)]) }),
    budgetOf: () => budget,
    async openSuccessor({ predecessor, signal: _signal, note: _note, ...init }) {
      if (init.profile.command === "missing") throw agentStart.create("it is not there");
      const made = session({ ...init, origin: "handoff", parent: predecessor.root, predecessor });
      opened.push(made);
      return { session: made, hasNote: false, promptCapabilities: {}, gone: new Promise(() => {}) };
    },
    store,
    bus: createBus(),
  });
  begin();
});
afterEach(() => root.end("the test is over"));

function begin(of: Partial<DelegationRules> = {}): void {
  const first = profile("a", { ...rules, ...of });
  agents.set("a", first);
  root = session({ profile: first, grant: rootGrant(first), origin: "editor" });
}

const prompt = (text = "hello"): Promise<unknown> =>
  root.ask("session/prompt", { prompt: [{ type: "text", text }] }, new AbortController().signal);

/** Has the agent of a name hand over in its next turn, and gives what came of the call. */
function whenAsked(name: string, input: Partial<HandoffInput> & { agent: string }): { outcome: unknown } {
  const result: { outcome: unknown } = { outcome: undefined };
  answers.set(name, (one) => {
    answers.delete(name);
    try {
      result.outcome = handoffs.accept(one, { message: "note", newSession: false, returnAfter: undefined, ...input });
    } catch (error) {
      result.outcome = (error as { code: string }).code;
    }
    return undefined;
  });
  return result;
}

async function outcomeOf(input: Partial<HandoffInput> & { agent: string }): Promise<unknown> {
  const result = whenAsked("a", input);
  await prompt();
  return result.outcome;
}

const grantFacts = ({ remainingDepth, targets, tools }: Grant): unknown => ({
  remainingDepth,
  targets: targets === "all" ? "all" : [...targets],
  tools: [...tools],
});

describe("who may hand over", () => {
  test("nobody outside of a turn", () => {
    const call = (): unknown =>
      handoffs.accept(root, { agent: "b", message: "m", newSession: false, returnAfter: true });
    expect(call).toThrow(expect.objectContaining({ code: "CRU_HANDOFF_REFUSED" }));
  });

  test.each(["terminal", "mcp", "delegation"] as const)(
    "no session of a %s: it is not offered, and refused",
    (origin) => {
      const other = session({ profile: root.profile, grant: root.grant, origin });
      expect(handoffs.isOffered(other)).toBe(false);
      const call = (): unknown =>
        handoffs.accept(other, { agent: "b", message: "m", newSession: false, returnAfter: true });
      expect(call).toThrow(expect.objectContaining({ code: "CRU_HANDOFF_REFUSED" }));
    },
  );

  test.each([
    [{ enabled: false }, false],
    [{ maxDepth: 0 }, false],
    [{ maxHandoffDepth: 0 }, false],
    [{ maxHandoffsPerSession: 0 }, false],
    [{}, true],
  ])("a profile with %j is offered the tool: %s", (of, isOffered) => {
    begin(of);
    expect(handoffs.isOffered(root)).toBe(isOffered);
  });

  test.each([
    ["b", { allowedTargets: ["c"] }, "CRU_DELEGATION_TARGET_NOT_ALLOWED"],
    ["b", { enabled: false }, "CRU_DELEGATION_DISABLED"],
    ["b", { maxDepth: 0 }, "CRU_DELEGATION_DEPTH"],
    ["x", {}, "CRU_DELEGATION_TARGET_UNKNOWN"],
    ["a", {}, "CRU_DELEGATION_CYCLE"],
    ["b", { maxHandoffDepth: 0 }, "CRU_DELEGATION_DEPTH"],
    ["b", { maxHandoffsPerSession: 0 }, "CRU_DELEGATION_LIMIT"],
  ])("to %s under %j: %s", async (agent, of, code) => {
    begin(of);
    expect(await outcomeOf({ agent })).toBe(code);
    expect(opened).toEqual([]);
  });

  test("self is a fresh copy", async () => {
    expect(await outcomeOf({ agent: "self" })).toMatchObject({ agent: "a", isBack: false });
    expect(opened.map(({ profile: one }) => one.name)).toEqual(["a"]);
  });
});

describe("the rights of who takes over", () => {
  test("are its own within those of the one before, and no level is used up", async () => {
    begin({ maxDepth: 2, allowedTargets: ["b", "c"] });
    agents.set("b", profile("b", { ...rules, maxDepth: 5, allowedTargets: ["c", "d"] }));
    await outcomeOf({ agent: "b" });
    expect(opened).toHaveLength(1);
    expect(grantFacts(opened[0]!.grant)).toMatchObject({ remainingDepth: 2, targets: ["c"] });
    expect(opened[0]!.lineage.map(({ profile: one }) => one.name)).toEqual(["a", "b"]);
    expect(opened[0]!.depth).toBe(0);
  });

  test("an agent made at run time keeps the tools it was given", async () => {
    const draft = { name: "reader", base: agents.get("b")!, instructions: undefined, model: undefined };
    dynamic.create(root, { ...draft, tools: ["read"] }, agents);
    await outcomeOf({ agent: "reader" });
    expect(grantFacts(opened[0]!.grant)).toMatchObject({ tools: ["read"], remainingDepth: 0 });
  });
});

describe("giving it back", () => {
  test("needs no right to delegate, and is the default of who had it before", async () => {
    agents.set("b", profile("b", { enabled: false, ...rules }));
    await outcomeOf({ agent: "b", returnAfter: false });
    const back = whenAsked("b", { agent: "a" });
    await prompt();
    expect(back.outcome).toEqual({ agent: "a", returnAfter: false, isBack: true });
    expect(opened[0]!.state).toBe("ended");
    expect(records.every(({ endedAt }) => endedAt !== null)).toBe(true);
  });

  test("counts as a handoff, but not as a longer chain", async () => {
    begin({ maxHandoffDepth: 1, maxHandoffsPerSession: 3 });
    await outcomeOf({ agent: "b", returnAfter: false });
    whenAsked("b", { agent: "a" });
    await prompt();
    expect(await outcomeOf({ agent: "b", returnAfter: false })).toMatchObject({ agent: "b" });
    const over = whenAsked("b", { agent: "a" });
    await prompt();
    expect(over.outcome).toBe("CRU_DELEGATION_LIMIT");
    expect(await prompt("/return")).toEqual({ stopReason: "end_turn" });
    expect(opened.every(({ state }) => state === "ended")).toBe(true);
  });

  test("the limit counts what was handed over before the conversation was opened again", async () => {
    begin({ maxHandoffsPerSession: 1 });
    const old = { sessionId: root.id, number: 1, from: "a", agent: "b", beganAt: 1, endedAt: null };
    records = [old];
    handoffs.reopened(root);
    expect(said[0]).toContain("had been handed over to b");
    expect(await outcomeOf({ agent: "b" })).toBe("CRU_DELEGATION_LIMIT");
  });
});

test("one that cannot start: the user and the agent are told, once, and it does not count", async () => {
  agents.set("b", { ...profile("b", rules), command: "missing" });
  expect(await outcomeOf({ agent: "b", returnAfter: false })).toMatchObject({ agent: "b" });
  expect(said).toEqual(["— b could not take over: it is not there —"]);
  expect(records).toEqual([]);
  let heard = "";
  answers.set("a", (_, text) => void (heard = text));
  await prompt("next");
  expect(heard).toContain("b could not take over");
  expect(heard.endsWith("next")).toBe(true);
});
