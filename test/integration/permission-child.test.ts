/** A child's permission questions: they reach the person at the root's editor, attributed and one at a time, or are refused. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  allSessions,
  endOf,
  assertNoChildren,
  callDelegate,
  control,
  delegateLine,
  inKiln,
  mcpCommand,
  nested,
  openParent,
  pidOfWorking,
  script,
  type Parent,
} from "./delegating.ts";
import { nth, permissionMethod as method, slowPerson, type Question } from "./slow-person.ts";

const config = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("middle", { delegation: "enabled = true" }),
  scriptedProfile("asker", { flags: ["--log", "asker.log"] }),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;

// One editor for all tests: each gives it a person of its own.
shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [parent]),
});

function wasTakenBack({ editor }: Parent, question: Question): boolean {
  return editor.received.some(
    (message) => message.method === "$/cancel_request" && message.params?.["requestId"] === question.id,
  );
}

describe("with a person at the editor", () => {
  test("the question names the agent and the task, keeps what was asked, and stands in the root's session", async () => {
    const questions = slowPerson(parent);
    const toolCall = { title: "rm -rf build", kind: "execute", rawInput: { command: "rm -rf build" } };
    const turn = parent.prompt(
      delegateLine({ agent: "asker", description: "Clean up", task: `ask ${JSON.stringify({ toolCall })}` }),
    );
    const { params, answer } = await nth(questions, 0);
    expect(params["sessionId"]).toBe(parent.session);
    expect(params.toolCall).toMatchObject({ kind: "execute", rawInput: { command: "rm -rf build" } });
    expect(params.toolCall["title"]).toMatch(/asker/);
    expect(params.toolCall["title"]).toMatch(/Clean up/);
    expect(params.toolCall["title"]).toMatch(/rm -rf build/);
    expect(params.options.map(({ optionId }) => optionId)).toEqual(["allow", "always", "reject", "never"]);
    expect(params["_meta"]).toMatchObject({ crucible: { agent: "asker", task: "Clean up", depth: 1 } });
    answer("always");
    const result = JSON.parse((await turn).text) as { result: string };
    // Crucible remembers it for this session; what the agent makes of an "always" could be wider and last longer.
    expect(JSON.parse(result.result)).toEqual({ outcome: "selected", optionId: "allow" });
  });

  test("a title made of the task is one line without control characters", async () => {
    const questions = slowPerson(parent);
    const turn = parent.prompt(
      delegateLine({
        agent: "asker",
        task: "ask\nsay \u001b[31mred\u202E and more",
        description: "a\u001b[2J\nb\u202Ec",
      }),
    );
    const { params, answer } = await nth(questions, 0);
    // oxlint-disable-next-line no-control-regex -- that they are gone is the point
    expect(params.toolCall["title"]).not.toMatch(/[\u0000-\u001f\u202e]/);
    answer("allow");
    await turn;
  });

  test("two children's questions come one after the other, and each gets its own answer", async () => {
    const questions = slowPerson(parent);
    const task = (name: string): string => script(`touch ${name}.asks`, "ask", `say ${name}`);
    const turn = parent.prompt(
      `delegates ${JSON.stringify([
        { agent: "asker", task: task("one"), description: "one" },
        { agent: "asker", task: task("two"), description: "two" },
      ])}`,
    );
    const first = await nth(questions, 0);
    await until(() => ["one.asks", "two.asks"].every((name) => existsSync(inKiln(daemon, name))));
    // The second child waits for its turn, however long the person thinks about the first: a round trip through both.
    await parent.editor.newSession(daemon.kiln);
    expect(questions).toHaveLength(1);

    first.answer("allow");
    const second = await nth(questions, 1);
    expect(first.answered).toBe(true);
    second.answer("reject");
    const results = JSON.parse((await turn).text) as { result: string }[];
    const answers = Object.fromEntries(
      results.map(({ result }) => {
        const [outcome, name] = result.split("\n");
        return [name, (JSON.parse(outcome!) as { optionId: string }).optionId];
      }),
    );
    const asked = (question: Question): string =>
      (/\((one|two)\)/.exec(String(question.params.toolCall["title"])) ?? [])[1]!;
    expect(answers).toEqual({ [asked(first)]: "allow", [asked(second)]: "reject" });
  });

  test("tool call ids of two children do not clash", async () => {
    const questions = slowPerson(parent);
    const ask = { agent: "asker", task: 'ask {"toolCall":{"toolCallId":"same"}}' };
    const turn = parent.prompt(`delegates ${JSON.stringify([ask, ask])}`);
    (await nth(questions, 0)).answer("allow");
    (await nth(questions, 1)).answer("allow");
    await turn;
    const [first, second] = questions.map(({ params }) => params.toolCall["toolCallId"]);
    expect(first).not.toBe(second);
  });

  test("the parent's own question waits in the same line, and is not attributed", async () => {
    const questions = slowPerson(parent);
    const tools = await parent.tools();
    const child = callDelegate(tools, { agent: "asker", task: "ask" });
    const first = await nth(questions, 0);
    const own = parent.prompt('ask {"toolCall":{"title":"my own"}}');
    await parent.editor.newSession(daemon.kiln);
    expect(questions).toHaveLength(1);
    first.answer("allow");
    const second = await nth(questions, 1);
    expect(second.params.toolCall["title"]).toBe("my own");
    second.answer("reject");
    expect((await own).text).toContain('"optionId":"reject"');
    expect((await child).result.result).toContain('"optionId":"allow"');
    await tools.close();
  });

  test("from two levels down the question reaches the root, and the answer the one who asked", async () => {
    const questions = slowPerson(parent);
    const turn = parent.delegate({
      agent: "middle",
      task: delegateLine({ agent: "asker", task: "ask", description: "Deep down" }),
    });
    const { params, answer } = await nth(questions, 0);
    expect(params["sessionId"]).toBe(parent.session);
    expect(params.toolCall["title"]).toMatch(/asker.*Deep down/);
    expect(params["_meta"]).toMatchObject({ crucible: { agent: "asker", depth: 2 } });
    answer("never");
    expect(nested(await turn).result).toBe('{"outcome":"selected","optionId":"reject"}');
  });

  test("an editor that answers with cancelled is heard as that; one that cannot ask is as if nobody were there", async () => {
    parent.editor.onRequest(method, () => ({ outcome: { outcome: "cancelled" } }));
    expect((await parent.delegate({ agent: "asker", task: "ask" })).result).toBe('{"outcome":"cancelled"}');
    parent.editor.onRequest(method, () => {
      throw new Error("the dialog is broken");
    });
    const { result } = await parent.delegate({ agent: "asker", task: "ask" });
    expect(result).toBe('{"outcome":"selected","optionId":"reject"}');
  });

  test("many questions of one child, one after the other", async () => {
    const questions = slowPerson(parent);
    const turn = parent.delegate({ agent: "asker", task: script("ask", "ask", "ask") });
    for (const index of [0, 1, 2]) (await nth(questions, index)).answer(index === 1 ? "reject" : "allow");
    expect((await turn).result.match(/allow|reject/g)).toEqual(["allow", "reject", "allow"]);
  });
});

describe("a question that nobody waits for any more is taken back", () => {
  test("when its child dies: the next one in line is put, and the delegation ends as failed", async () => {
    const questions = slowPerson(parent);
    const turn = parent.prompt(delegateLine({ agent: "asker", task: "ask" }));
    const question = await nth(questions, 0);
    process.kill(await pidOfWorking(daemon, "asker"), "SIGKILL");
    expect(JSON.parse((await turn).text)).toMatchObject({ status: "failed", error: { code: "CRU_AGENT_EXITED" } });
    expect(wasTakenBack(parent, question)).toBe(true);

    const next = parent.delegate({ agent: "asker", task: "ask" });
    (await nth(questions, 1)).answer("allow");
    expect((await next).result).toContain("allow");
  });

  test("when the turn is cancelled: the child hears cancelled (ACP, Cancellation)", async () => {
    const questions = slowPerson(parent);
    const turn = parent.startTurn(delegateLine({ agent: "asker", task: "ask" }));
    const question = await nth(questions, 0);
    parent.editor.cancel(parent.session);
    expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
    await until(() => wasTakenBack(parent, question), { what: "the question to be taken back" });
    await assertNoChildren(daemon);
    const heard = readFileSync(inKiln(daemon, "asker.log"), "utf8").trim().split("\n");
    expect(heard.at(-1)).toContain('"outcome":"cancelled"');
  });

  test("when one call is cancelled: the sibling's question, which waited behind it, is put", async () => {
    const questions = slowPerson(parent);
    const tools = await parent.tools();
    const giveUp = new AbortController();
    const doomed = callDelegate(
      tools,
      { agent: "asker", task: "ask", description: "doomed" },
      { signal: giveUp.signal },
    ).catch(() => undefined);
    const first = await nth(questions, 0);
    const waiting = callDelegate(tools, { agent: "asker", task: "ask", description: "waiting" });
    giveUp.abort();
    await doomed;
    await until(() => wasTakenBack(parent, first), { what: "the first to be taken back" });
    const second = await nth(questions, 1);
    expect(second.params.toolCall["title"]).toContain("waiting");
    second.answer("allow");
    expect((await waiting).result).toMatchObject({ status: "completed" });
    await tools.close();
  });

  test("one that was cancelled while it waited in line is never put", async () => {
    const questions = slowPerson(parent);
    const tools = await parent.tools();
    const first = callDelegate(tools, { agent: "asker", task: "ask", description: "first" });
    const shown = await nth(questions, 0);
    const giveUp = new AbortController();
    const doomed = callDelegate(
      tools,
      { agent: "asker", task: script("touch doomed.asks", "ask") },
      { signal: giveUp.signal },
    ).catch(() => undefined);
    await until(() => existsSync(inKiln(daemon, "doomed.asks")), { what: "the second to ask" });
    giveUp.abort();
    await doomed;
    // The cancel travels on its own; the answer must not overtake it.
    await until(async () => (await allSessions(daemon)).filter(({ depth }) => depth > 0).length === 1, {
      what: "the second to be gone",
    });
    shown.answer("allow");
    await first;
    await assertNoChildren(daemon);
    expect(questions).toHaveLength(1);
    await tools.close();
  });

  test("when the editor goes away while it is asked", async () => {
    const leaving = await openParent(daemon, "parent");
    const questions = slowPerson(leaving);
    leaving.startTurn(delegateLine({ agent: "asker", task: "ask" }));
    await nth(questions, 0);
    leaving.editor.kill("SIGKILL");
    await until(async () => (await allSessions(daemon)).every(({ sessionId }) => sessionId !== leaving.session), {
      what: "its session to end",
    });
  });
});

describe("with nobody there it is refused", () => {
  const rejected = '{"outcome":"selected","optionId":"reject"}';

  test("for a delegation from a terminal", async () => {
    using door = await control(daemon);
    const result = await door.request("delegate", { agent: "asker", task: "ask", cwd: daemon.kiln });
    expect(result).toMatchObject({ status: "completed", result: rejected });
  });

  test("for the children of an MCP client's session", async () => {
    const tools = await mcpCommand(daemon, "parent");
    const { result } = await callDelegate(tools, { agent: "asker", task: "ask" });
    expect(result).toMatchObject({ status: "completed", result: rejected });
    await tools.close();
  });

  test.each([
    ["by refusing once", ["allow_once", "reject_always", "reject_once"], "option-2"],
    ["by refusing always where nothing else is offered", ["allow_once", "reject_always"], "option-1"],
    ["by withdrawing where refusing is not offered", ["allow_once", "allow_always"], undefined],
    ["by withdrawing where nothing is offered", [], undefined],
  ])("%s", async (_, kinds, chosen) => {
    using door = await control(daemon);
    const options = kinds.map((kind, index) => ({ optionId: `option-${index}`, name: kind, kind }));
    const task = `ask ${JSON.stringify({ options })}`;
    const { result } = await door.request("delegate", { agent: "asker", task, cwd: daemon.kiln });
    const outcome = chosen ? { outcome: "selected", optionId: chosen } : { outcome: "cancelled" };
    expect(JSON.parse(result)).toEqual(outcome);
  });
});

test("the person's editor is asked for the parent's own questions word for word", async () => {
  const questions = slowPerson(parent);
  const turn = parent.prompt('ask {"toolCall":{"title":"plain","toolCallId":"id-1"},"_meta":{"x":1}}');
  const { params, answer } = await nth(questions, 0);
  expect(params).toEqual({
    sessionId: parent.session,
    options: expect.any(Array) as unknown[],
    toolCall: { toolCallId: "id-1", title: "plain", kind: "other", status: "pending" },
    _meta: { x: 1 },
  });
  answer("allow");
  await turn;
});
