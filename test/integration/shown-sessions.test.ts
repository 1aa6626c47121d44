/**
 * Children in an editor that knows child sessions (`clientCapabilities.subagents`): announced, followed, ended, each under the
 * rules of the draft "Subagent Sessions".
 */
import { beforeEach, describe, expect, test } from "vitest";
import { RpcFailure } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  assertIdle,
  assertNoChildren,
  delegateLine,
  inKiln,
  openParent,
  pidOfWorking,
  script,
  type Parent,
} from "./delegating.ts";
import { announcements, answerAt, cards, isLast, updatesOf, type Announcement } from "./shown.ts";
import { nth, slowPerson } from "./slow-person.ts";
import { writeFileSync } from "node:fs";

const config = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("middle", { delegation: "enabled = true" }),
  scriptedProfile("worker", { flags: ["--early-updates"] }),
  scriptedProfile("broken", { flags: ["--exit-at", "initialize"] }),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let files = 0;

shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  check: async () => {
    await parent[Symbol.asyncDispose]();
    await assertIdle(daemon);
  },
  close: () => daemon[Symbol.asyncDispose](),
});
beforeEach(async () => void (parent = await openParent(daemon, "parent", { capabilities: { subagents: {} } })));

const seen = (): Announcement[] => announcements(parent.editor);
const fresh = (name: string): string => inKiln(daemon, `${name}-${++files}`);

/** The announcement of the nth child, once it is there. */
function child(index = 0): Promise<Announcement> {
  const first = (one: Announcement, at: number, all: Announcement[]): boolean =>
    all.findIndex(({ sessionId }) => sessionId === one.sessionId) === at;
  return until(() => seen().filter(first)[index], { what: `child ${index + 1}` });
}

function lastOf(sessionId: string): Announcement | undefined {
  return seen().findLast((one) => one.sessionId === sessionId);
}

function ended(sessionId: string): Promise<Announcement> {
  return until(() => seen().find((one) => one.sessionId === sessionId && isLast(one)), {
    what: `the end of ${sessionId}`,
  });
}

describe("announcing", () => {
  test("a child is announced on its parent with title, place and what may be done to it", async () => {
    const result = await parent.delegate({ agent: "worker", task: "say hello", description: "Greet" });
    const first = seen()[0]!;
    expect(first).toMatchObject({
      parent: parent.session,
      sessionId: result.session_id,
      title: "worker: Greet",
      description: "Works for parent: Greet",
      capabilities: { cancel: {} },
      state: { state: "running" },
      cwd: daemon.kiln,
    });
  });

  test("nothing of a child comes before its announcement, not even what its agent said while it started", async () => {
    const result = await parent.delegate({ agent: "worker", task: 'tool {"title":"Look"}\nsay hello' });
    const own = updatesOf(parent.editor, result.session_id!);
    expect(own.map(({ update }) => update.sessionUpdate)).toEqual(
      expect.arrayContaining(["available_commands_update", "tool_call", "tool_call_update", "agent_message_chunk"]),
    );
    expect(own[0]!.at).toBeGreaterThan(seen()[0]!.at);
  });

  test("a grandchild is announced on the child, not on the root", async () => {
    const result = await parent.delegate({
      agent: "middle",
      task: delegateLine({ agent: "worker", task: "say deep", description: "Dig" }),
    });
    const [first, second] = [await child(0), await child(1)];
    expect(first).toMatchObject({ parent: parent.session, sessionId: result.session_id });
    expect(second).toMatchObject({ parent: first.sessionId, title: "middle › worker: Dig" });
    expect(updatesOf(parent.editor, second.sessionId).some(({ update }) => update.content?.text === "deep")).toBe(true);
  });

  test("no card stands beside a child session", async () => {
    await parent.delegate({ agent: "worker", task: "say hello" });
    expect(cards(parent.editor)).toEqual([]);
  });

  test("a child that cannot even start is shown as a failed card, since there is no session to show", async () => {
    const result = await parent.delegate({ agent: "broken", task: "say hello", description: "Try" });
    expect(seen()).toEqual([]);
    expect(cards(parent.editor).map(({ title, status }) => ({ title, status }))).toEqual([
      { title: "broken: Try", status: "in_progress" },
      { title: "broken: Try", status: "failed" },
    ]);
    expect(cards(parent.editor).at(-1)!.text).toContain(result.error!.message.slice(0, 40));
  });

  test("an editor without the capability hears of no child session", async () => {
    await using other = await openParent(daemon, "parent", { capabilities: { subagents: null } });
    const result = await other.delegate({ agent: "worker", task: "say hello" });
    expect(announcements(other.editor)).toEqual([]);
    expect(updatesOf(other.editor, result.session_id!)).toEqual([]);
  });
});

describe("ending", () => {
  test("the last thing of a child is its last state, and it comes before the answer of the turn", async () => {
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: "say hello" }));
    await turn.answer();
    const [first, last] = seen();
    expect(seen()).toHaveLength(2);
    expect(last).toMatchObject({
      parent: parent.session,
      sessionId: first!.sessionId,
      state: { state: "idle", stopReason: "end_turn" },
      capabilities: null,
    });
    expect(last!.at).toBeGreaterThan(updatesOf(parent.editor, first!.sessionId).at(-1)!.at);
    expect(last!.at).toBeLessThan(answerAt(parent.editor, turn.id));
  });

  test.each([
    ["refusal", "stop refusal", { state: "idle", stopReason: "refusal" }],
    ["max_tokens", "stop max_tokens", { state: "idle", stopReason: "max_tokens" }],
    ["an error of the agent", 'fail -32001 "no credit"', { state: "idle", stopReason: "error" }],
    ["a crash", "exit 3", { state: "unknown" }],
    ["a kill", "die SIGKILL", { state: "unknown" }],
  ])("%s is told as what it is", async (_, task, state) => {
    await parent.delegate({ agent: "worker", task: script("say so far", task) });
    expect(seen().at(-1)).toMatchObject({ state });
  });

  test("an error is told with its message", async () => {
    await parent.delegate({ agent: "worker", task: 'fail -32001 "no credit"' });
    expect(seen().at(-1)!.state!.error!.message).toContain("no credit");
  });

  test("cancelling the parent ends all below it, the lowest first, before the turn is answered", async () => {
    const hanging = script("say deep", "hang");
    const turn = parent.startTurn(
      delegateLine({ agent: "middle", task: delegateLine({ agent: "worker", task: hanging }) }),
    );
    const [middle, worker] = [await child(0), await child(1)];
    await pidOfWorking(daemon, "worker");
    parent.editor.cancel(parent.session);
    expect(((await turn.answer()).result as { stopReason: string }).stopReason).toBe("cancelled");
    const [endOfMiddle, endOfWorker] = [await ended(middle.sessionId), await ended(worker.sessionId)];
    expect(endOfWorker).toMatchObject({ parent: middle.sessionId, state: { state: "idle", stopReason: "cancelled" } });
    expect(endOfMiddle).toMatchObject({ state: { state: "idle", stopReason: "cancelled" } });
    expect(endOfWorker.at).toBeLessThan(endOfMiddle.at);
    expect(endOfMiddle.at).toBeLessThan(answerAt(parent.editor, turn.id));
  });

  test("closing the parent ends its children before the close is answered", async () => {
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: "hang" }));
    const { sessionId } = await child();
    await parent.editor.request("session/close", { sessionId: parent.session }).catch(() => {});
    expect(await ended(sessionId)).toMatchObject({ state: { state: "idle", stopReason: "cancelled" } });
    await turn.answer();
  });

  test("when the parent's agent dies, its children end before the turn is answered", async () => {
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: "hang" }));
    const { sessionId } = await child();
    process.kill(await pidOfWorking(daemon, "parent"), "SIGKILL");
    expect((await turn.answer()).error).toBeDefined();
    const end = await ended(sessionId);
    expect(end).toMatchObject({ state: { state: "idle", stopReason: "cancelled" } });
    expect(end.at).toBeLessThan(answerAt(parent.editor, turn.id));
  });

  test("several at once each get an end of their own", async () => {
    await parent.delegateAll([
      { agent: "worker", task: "say one" },
      { agent: "worker", task: "exit 1" },
      { agent: "worker", task: "say three" },
    ]);
    const ids = new Set(seen().map(({ sessionId }) => sessionId));
    const states = [...ids].map((id) => lastOf(id)!.state!.state);
    expect(states.toSorted()).toEqual(["idle", "idle", "unknown"]);
    for (const id of ids) expect(seen().filter((one) => one.sessionId === id && isLast(one))).toHaveLength(1);
  });
});

describe("questions of a child", () => {
  test("it is shown as waiting for the user, and ends only after its question was answered", async () => {
    const questions = slowPerson(parent);
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: "ask" }));
    const { sessionId } = await child();
    await until(() => lastOf(sessionId)?.state?.state === "requires_action", { what: "the child to wait" });
    (await nth(questions, 0)).answer("allow");
    await turn.answer();
    const states = seen().flatMap(({ state }) => state?.state ?? []);
    expect(states).toEqual(["running", "requires_action", "running", "idle"]);
  });

  test("a question that is open when the child is cancelled is taken back before its end is told", async () => {
    let question: unknown;
    parent.editor.onRequest("session/request_permission", (_, { id }) => {
      question = id;
      return new Promise(() => {});
    });
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: "ask" }));
    const { sessionId } = await child();
    await until(() => question !== undefined, { what: "the question" });
    parent.editor.cancel(sessionId);
    const end = await ended(sessionId);
    const takenBack = parent.editor.received.findIndex(
      ({ method, params }) => method === "$/cancel_request" && params?.["requestId"] === question,
    );
    expect(takenBack).toBeGreaterThan(-1);
    expect(takenBack).toBeLessThan(end.at);
    await turn.answer();
  });
});

describe("what the editor may do to a child", () => {
  test("session/cancel under the child's id ends that delegation and nothing else", async () => {
    const go = fresh("go");
    const turn = parent.startTurn(
      `delegates ${JSON.stringify([
        { agent: "worker", task: "hang", description: "Hangs" },
        { agent: "worker", task: `wait-for ${go}\nsay done`, description: "Works" },
      ])}`,
    );
    await child(1);
    const hanging = seen().find(({ title }) => title === "worker: Hangs")!;
    parent.editor.cancel(hanging.sessionId);
    expect(await ended(hanging.sessionId)).toMatchObject({ state: { state: "idle", stopReason: "cancelled" } });
    writeFileSync(go, "");
    const answer = (await turn.answer()).result as { stopReason: string };
    expect(answer.stopReason).toBe("end_turn");
    const results = JSON.parse(parent.editor.text(parent.session)) as { status: string; error?: { message: string } }[];
    expect(results.map(({ status }) => status)).toEqual(["cancelled", "completed"]);
    expect(results[0]!.error!.message).toContain("the user cancelled it");
  });

  test.each([
    ["session/prompt", { prompt: [{ type: "text", text: "say hijacked" }] }],
    ["session/load", { cwd: "/", mcpServers: [] }],
    ["session/resume", { cwd: "/", mcpServers: [] }],
    ["session/fork", { cwd: "/", mcpServers: [] }],
    ["session/close", {}],
    ["session/delete", {}],
    ["session/set_mode", { modeId: "plan" }],
  ])("%s of a child is refused with a reason, and the child works on", async (method, params) => {
    const go = fresh("go");
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: `wait-for ${go}\nsay mine` }));
    const { sessionId } = await child();
    const failure = await parent.editor.request(method, { sessionId, ...params }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RpcFailure);
    expect(failure).toMatchObject({ code: -32600, data: { code: "CRU_SESSION_OF_DELEGATION" } });
    expect(String(failure)).toContain("prompt the session that delegated");
    writeFileSync(go, "");
    await turn.answer();
    expect(await ended(sessionId)).toMatchObject({ state: { stopReason: "end_turn" } });
  });

  test("a child that has ended is no more open to them, in this connection or another", async () => {
    const { session_id: sessionId } = await parent.delegate({ agent: "worker", task: "say hello" });
    await using other = await openParent(daemon, "parent");
    for (const editor of [parent.editor, other.editor]) {
      const failure = await editor
        .request("session/load", { sessionId, cwd: daemon.kiln, mcpServers: [] })
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ data: { code: "CRU_SESSION_OF_DELEGATION" } });
    }
  });

  test("another editor cannot cancel it", async () => {
    const go = fresh("go");
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: `wait-for ${go}\nsay done` }));
    const { sessionId } = await child();
    await using other = await openParent(daemon, "parent", { capabilities: { subagents: {} } });
    other.editor.cancel(sessionId);
    // The other editor's messages are handled in order: when this is answered, the cancel was.
    await other.prompt("say hello");
    writeFileSync(go, "");
    await turn.answer();
    expect(await ended(sessionId)).toMatchObject({ state: { stopReason: "end_turn" } });
  });
});

describe("a child that outlives the turn", () => {
  test("is let go with an unknown state before the answer, and goes on as a card to its end", async () => {
    const go = fresh("go");
    const turn = parent.startTurn(
      `mcp delegate_session ${JSON.stringify({
        agent: "worker",
        task: `tool {"title":"Look"}\nwait-for ${go}\nsay found it`,
        description: "Search",
        background: true,
      })}\nwait-for ${fresh("turn")}`,
    );
    const { sessionId } = await child();
    // What it tells before it has begun to work is not on the card.
    const isAtWork = (): boolean =>
      updatesOf(parent.editor, sessionId).some(({ update }) => update["title"] === "Look");
    await until(isAtWork, { what: "the child to work" });
    writeFileSync(inKiln(daemon, `turn-${files}`), "");
    await turn.answer();

    const end = await ended(sessionId);
    expect(end).toMatchObject({ state: { state: "unknown" }, capabilities: null });
    const [card] = cards(parent.editor);
    expect(card).toMatchObject({
      session: parent.session,
      kind: "tool_call",
      title: "worker: Search",
      status: "in_progress",
    });
    expect(card!.text).toContain("Look");
    const answered = answerAt(parent.editor, turn.id);
    expect(end.at).toBeLessThan(answered);
    expect(card!.at).toBeLessThan(answered);

    writeFileSync(go, "");
    await until(() => cards(parent.editor).at(-1)!.status === "completed", { what: "the card to be done" });
    expect(cards(parent.editor).at(-1)!.text).toContain("found it");
    expect(updatesOf(parent.editor, sessionId).filter(({ at }) => at > answered)).toEqual([]);
    expect(seen().filter(({ at }) => at > answered)).toEqual([]);
    await assertNoChildren(daemon);
  });
});
