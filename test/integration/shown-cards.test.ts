/**
 * Delegations in an editor that knows no child sessions: one quiet tool-call card for each, from its acceptance to its outcome.
 */
import { writeFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  assertIdle,
  assertNoChildren,
  connectTools,
  delegateLine,
  inKiln,
  openParent,
  pidOfWorking,
  script,
  type Parent,
} from "./delegating.ts";
import { answerAt, cards, type CardUpdate } from "./shown.ts";
import { nth, slowPerson } from "./slow-person.ts";

const config = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2\nmax_concurrent_delegations = 1" }),
  scriptedProfile("middle", { delegation: "enabled = true" }),
  scriptedProfile("worker"),
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
beforeEach(async () => void (parent = await openParent(daemon, "parent")));

const shown = (): CardUpdate[] => cards(parent.editor);
const fresh = (name: string): string => inKiln(daemon, `${name}-${++files}`);

describe("a card", () => {
  test("stands on the root's session from the acceptance on, under an id of its own, and ends as completed", async () => {
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: "say found it", description: "Search" }));
    await turn.answer();
    const [first, last] = [shown()[0]!, shown().at(-1)!];
    expect(first).toMatchObject({
      session: parent.session,
      kind: "tool_call",
      title: "worker: Search",
      status: "in_progress",
      text: "starting worker",
    });
    expect(first.id).toMatch(/^crucible:del_/);
    expect(last).toMatchObject({ id: first.id, kind: "tool_call_update", status: "completed" });
    expect(last.text).toMatch(/^done in .*\n\n> found it$/);
    expect(last.at).toBeLessThan(answerAt(parent.editor, turn.id));
    const raw = parent.editor.received[first.at]!.params!["update"];
    expect(raw).toMatchObject({ kind: "other", _meta: { crucible: { agent: "worker" } } });
  });

  test("shows the plan, the last tool calls with their state, and the last words", async () => {
    const entries = [
      { content: "Read the code", priority: "high", status: "completed" },
      { content: "Fix it", priority: "high", status: "in_progress" },
    ];
    const task = script(
      `update ${JSON.stringify({ sessionUpdate: "plan", entries })}`,
      'tool {"title":"Read lexer.ts"}',
      'tool {"title":"Run tests","status":"failed"}',
      "say the test is wrong",
    );
    await parent.delegate({ agent: "worker", task });
    const { text } = shown().at(-1)!;
    expect(text).toContain("Plan:\n- ✓ Read the code\n- ▸ Fix it");
    expect(text).toContain("Tool calls:\n- ✓ Read lexer.ts\n- ✗ Run tests");
    expect(text).toContain("> the test is wrong");
    expect(text).toMatch(/^done in .*, 2 tool calls\n/);
  });

  test("changes while the child works", async () => {
    const go = fresh("go");
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: `tool {"title":"Look"}\nwait-for ${go}` }));
    await until(() => shown().some(({ text, status }) => status === "in_progress" && text.includes("Look")), {
      what: "the card to show the tool call",
    });
    writeFileSync(go, "");
    await turn.answer();
  });

  test("of a nested child names the path to it, and stands on the root's session too", async () => {
    await parent.delegate({
      agent: "middle",
      task: delegateLine({ agent: "worker", task: "say deep", description: "Dig" }),
    });
    const nested = shown().find(({ title }) => title === "middle › worker: Dig");
    expect(nested).toMatchObject({ session: parent.session, kind: "tool_call" });
    expect(shown().findLast(({ id }) => id === nested!.id)).toMatchObject({ status: "completed" });
  });

  test("of one that waits for a place is pending until it starts", async () => {
    const go = fresh("go");
    const turn = parent.startTurn(
      `delegates ${JSON.stringify([
        { agent: "worker", task: `wait-for ${go}`, description: "First" },
        { agent: "worker", task: "say second", description: "Second" },
      ])}`,
    );
    const waiting = await until(() => shown().find(({ title }) => title === "worker: Second"), { what: "the card" });
    expect(waiting).toMatchObject({ status: "pending", text: "waiting for a free place" });
    writeFileSync(go, "");
    await turn.answer();
    expect(shown().findLast(({ id }) => id === waiting.id)).toMatchObject({ status: "completed" });
  });

  test.each([
    ["an error of the agent", 'fail -32001 "no credit"', "no credit"],
    ["a crash", "exit 3", "exited with code 3"],
    ["a refusal", "stop refusal", "refused: worker declined"],
  ])("of %s ends as failed and says why in its first line", async (_, task, why) => {
    await parent.delegate({ agent: "worker", task });
    expect(shown().at(-1)).toMatchObject({ status: "failed" });
    expect(shown().at(-1)!.text.split("\n")[0]).toContain(why);
  });

  test("of a cancelled one ends as failed and says so", async () => {
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: "hang" }));
    await pidOfWorking(daemon, "worker");
    parent.editor.cancel(parent.session);
    await turn.answer();
    const last = await until(() => shown().findLast(({ status }) => status === "failed"), {
      what: "the end of the card",
    });
    expect(last.text).toMatch(/^cancelled: /);
  });

  test("says when the child waits for the user", async () => {
    const questions = slowPerson(parent);
    const turn = parent.startTurn(delegateLine({ agent: "worker", task: 'ask {"toolCall":{"title":"Delete it"}}' }));
    await until(() => shown().some(({ text }) => /^Waits for your answer: .*Delete it/.test(text)), {
      what: "the card to say so",
    });
    (await nth(questions, 0)).answer("allow");
    await turn.answer();
    expect(shown().at(-1)!.text).not.toContain("Waits for");
  });

  test("of a refused delegation is not made: the agent that asked has its answer", async () => {
    const result = await parent.delegate({ agent: "nobody", task: "say hello" });
    expect(result.status).toBe("refused");
    expect(shown()).toEqual([]);
  });

  test("outlives the turn of a delegation in the background", async () => {
    const go = fresh("go");
    const call = { agent: "worker", task: `wait-for ${go}\nsay found it`, background: true };
    await parent.prompt(`mcp delegate_session ${JSON.stringify(call)}`);
    expect(shown().at(-1)).toMatchObject({ status: "in_progress" });
    writeFileSync(go, "");
    await until(() => shown().at(-1)!.status === "completed", { what: "the card to be done" });
    expect(shown().at(-1)!.text).toContain("found it");
    await assertNoChildren(daemon);
  });
});

describe("quiet", () => {
  test("a child that says much changes its card a few times, and its last words are there in the end", async () => {
    const startedAt = Date.now();
    await parent.delegate({ agent: "worker", task: script("flood 20000 50", "say the end") });
    const seconds = (Date.now() - startedAt) / 1000;
    // One when it is made, one for each second begun, one for its end.
    expect(shown().length).toBeLessThanOrEqual(Math.ceil(seconds) + 2);
    expect(shown().at(-1)!.text).toContain("the end");
  });

  test("nothing is sent for what changes nothing", async () => {
    const go = fresh("go");
    const turn = parent.startTurn(
      delegateLine({ agent: "worker", task: `think hm\nusage 100\nthink hm\nwait-for ${go}` }),
    );
    await pidOfWorking(daemon, "worker");
    writeFileSync(go, "");
    await turn.answer();
    const faces = shown().map(({ title, status, text }) => JSON.stringify([title, status, text]));
    expect(new Set(faces).size).toBe(faces.length);
  });
});

describe("nobody looks", () => {
  test("at sessions of terminals and MCP clients: their delegations make no cards anywhere", async () => {
    const { command, args, env } = {
      command: process.execPath,
      args: [
        new URL("../../bin/crucible.js", import.meta.url).pathname,
        "mcp",
        "--agent",
        "parent",
        ...daemon.home.place,
      ],
      env: Object.entries(daemon.home.env).map(([name, value]) => ({ name, value })),
    };
    const tools = await connectTools({ name: "crucible", command, args, env });
    const answer = await tools.callTool({
      name: "delegate_session",
      arguments: { agent: "worker", task: "say hello" },
    });
    await tools.close();
    expect(answer.structuredContent).toMatchObject({ status: "completed" });
    const { code } = await daemon.crucible(["delegate", "worker", "say hello", ...daemon.home.place]);
    expect(code).toBe(0);
    expect(shown()).toEqual([]);
  });
});
