/** Handing a conversation over: the editor's session goes on with another agent, which gives it back or keeps it. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  allSessions,
  delegateLine,
  assertIdle,
  assertNoChildren,
  inKiln,
  openParent,
  script,
  type Parent,
} from "./delegating.ts";

const chain = "enabled = true";

const config = [
  scriptedProfile("first", { delegation: chain }),
  scriptedProfile("second", { flags: ["--script", "say second here"], delegation: chain }),
  scriptedProfile("third", { flags: ["--script", "say third here"], delegation: chain }),
  scriptedProfile("fourth", { delegation: chain }),
  scriptedProfile("fifth", { delegation: chain }),
  scriptedProfile("mute", { delegation: "enabled = false" }),
  scriptedProfile("choosy", { delegation: 'enabled = true\nallowed_targets = ["second"]' }),
  scriptedProfile("rare", { delegation: "enabled = true\nmax_handoffs_per_session = 2" }),
  scriptedProfile("shallow", { delegation: "enabled = true\nmax_handoff_depth = 1" }),
  scriptedProfile("deep", { delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("frugal", { delegation: "enabled = true\nmax_tokens_per_tree = 1000" }),
  scriptedProfile("alone", { delegation: "enabled = true\nmax_agents_per_tree = 1" }),
  scriptedProfile("never", { delegation: "enabled = true\nmax_handoff_depth = 0" }),
  scriptedProfile("remembers", { flags: ["--memory", "memory.json"], delegation: chain }),
  scriptedProfile("prompted", {
    flags: [
      "--log",
      "prompted.jsonl",
      "--capabilities",
      '{"sessionCapabilities":{"systemPrompt":{}},"promptCapabilities":{"image":false}}',
    ],
    settings: 'instructions = "Be brief."',
  }),
  scriptedProfile("broken", { flags: ["--exit-at", "session", "--exit-code", "3"] }),
  scriptedProfile("slow", { flags: ["--slow-session", "never-made"] }),
  scriptedProfile("logged", { flags: ["--log", "logged.jsonl", "--mcp", "stdio"], delegation: chain }),
].join("\n");

let daemon: TestDaemon;
shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  check: () => assertIdle(daemon),
  close: () => daemon[Symbol.asyncDispose](),
});

interface Handing {
  agent: string;
  message: string;
  new_session?: boolean;
  return_after?: boolean;
}

/** The line that makes the scripted agent hand the conversation over. */
const handoff = (input: Handing): string => `mcp handoff_session ${JSON.stringify(input)}`;

/** The words of Crucible itself in a text: who speaks. */
const announced = (text: string): string[] => [...text.matchAll(/^— (.*) —$/gm)].map(([, words]) => words!);

/** What a scripted agent with `--log` has received. */
function messagesTo(log: string): { method: string; params: Record<string, unknown> }[] {
  const lines = readFileSync(inKiln(daemon, log), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as { method: string; params: Record<string, unknown> });
}

/** What an agent was given in its prompts, as text. */
function heard(text: string): string {
  const line = text.split("\n").find((one) => one.startsWith('[[{"type"'));
  if (!line) throw new Error(`nothing was said of what was heard: ${text}`);
  const prompts = JSON.parse(line) as { type: string; text?: string }[][];
  return prompts
    .at(-1)!
    .map((block) => block.text ?? `<${block.type}>`)
    .join("");
}

/** Whose session answers: its id begins with the agent's name. */
async function speaker(parent: Parent): Promise<string> {
  const { text } = await parent.prompt("session");
  return text.trim().split("\n").at(-1)!.replace(/-\d+$/, "");
}

/**
 * Has the agent hand over in a turn whose prompt makes nobody else do the same: the test calls the tool in the agent's place.
 * Gives the words of the turn.
 */
async function handOver(parent: Parent, input: Handing, users = "hello there"): Promise<string> {
  await using tools = closing(await parent.tools());
  const mark = `turn-${++turns}`;
  const before = parent.editor.text(parent.session).length;
  const turn = parent.startTurn(script(`touch ${mark}.began`, `wait-for ${mark}.go`, users));
  await began(`${mark}.began`);
  const { structuredContent } = await tools.client.callTool({ name: "handoff_session", arguments: { ...input } });
  expect(structuredContent).toEqual({ status: "accepted", agent: input.agent });
  writeFileSync(inKiln(daemon, `${mark}.go`), "");
  expect(await turn.answer()).toMatchObject({ result: { stopReason: "end_turn" } });
  return parent.editor.text(parent.session).slice(before);
}

let turns = 0;

function closing(client: Client): { client: Client } & AsyncDisposable {
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

async function began(name: string): Promise<void> {
  await until(() => existsSync(inKiln(daemon, name)), { what: `${name} to be made` });
}

describe("the four combinations", () => {
  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])("new_session %s, return_after %s", async (isFresh, returns) => {
    await using parent = await openParent(daemon, "first");
    await parent.prompt("say the secret is 4711");
    const turn = await parent.prompt(
      handoff({ agent: "fourth", message: "say hello\nheard", new_session: isFresh, return_after: returns }),
    );
    expect(turn.stopReason).toBe("end_turn");
    expect(JSON.parse(turn.text.split("\n")[0]!)).toEqual({ status: "accepted", agent: "fourth" });
    expect(turn.text).toContain("hello");
    const prompt = heard(turn.text);
    expect(prompt).toContain("another agent, first");
    expect(prompt).toContain("say hello\nheard");
    expect(prompt.includes("> the secret is 4711")).toBe(!isFresh);
    // The user's own words come last, as they were.
    expect(prompt.lastIndexOf("mcp handoff_session")).toBeGreaterThan(prompt.indexOf("The user's last message"));

    const words = announced(turn.text);
    expect(words[0]).toMatch(/^fourth takes over: say hello heard/);
    expect(words.includes("first has the conversation again")).toBe(returns);
    expect(await speaker(parent)).toBe(returns ? "first" : "fourth");
    if (returns) await assertNoChildren(daemon);
  });

  test("the one that gets it back hears with its next prompt what the other said, once, and before no slash command", async () => {
    await using parent = await openParent(daemon, "first");
    await parent.prompt(handoff({ agent: "fourth", message: "say the answer is 42" }));
    expect(
      heard((await parent.editor.prompt(parent.session, [{ type: "text", text: "/compact\nheard" }])).text),
    ).not.toContain("42");
    const next = heard((await parent.prompt("heard")).text);
    expect(next).toContain("fourth had the conversation for one turn, and said last:\n> ");
    expect(next).toContain("> the answer is 42");
    expect(heard((await parent.prompt("heard")).text)).toBe("heard");
  });

  test("the one that keeps it keeps its session too, and gets the user's words alone", async () => {
    await using parent = await openParent(daemon, "first");
    await parent.prompt(handoff({ agent: "fourth", message: "take it", return_after: false }));
    expect(heard((await parent.prompt("say one\nheard")).text)).toBe("say one\nheard");
    const pid = (await parent.prompt("pid")).text;
    expect((await parent.prompt("pid")).text).toBe(pid);
  });
});

describe("the target", () => {
  test("works at the editor: its files and its permission questions go there, under the session's id", async () => {
    await using parent = await openParent(daemon, "first", {
      capabilities: { fs: { readTextFile: true, writeTextFile: true } },
    });
    parent.editor.onRequest("fs/read_text_file", ({ sessionId }) => ({ content: `file for ${String(sessionId)}` }));
    parent.editor.onRequest("session/request_permission", () => ({
      outcome: { outcome: "selected", optionId: "allow" },
    }));
    const turn = await parent.prompt(
      handoff({ agent: "fourth", message: 'read a.txt\nask {"toolCall":{"title":"Do it","kind":"execute"}}' }),
    );
    expect(turn.text).toContain(`file for ${parent.session}`);
    expect(turn.text).toContain('"optionId":"allow"');
    const question = await parent.editor.waitForRequest("session/request_permission");
    expect(question.params).toMatchObject({ sessionId: parent.session, toolCall: { title: "Do it" } });
  });

  test("has its commands run in its sandbox, and not by the editor outside of it", async () => {
    await using parent = await openParent(daemon, "first", { capabilities: { terminal: true } });
    parent.editor.onRequest("terminal/create", () => ({ terminalId: "of the editor" }));
    writeFileSync(inKiln(daemon, "../yours.txt"), "a secret of yours");
    const run = script("run cat ../yours.txt; pwd", 'terminal create {"command":"pwd"}', "terminal show Where it is");
    const turn = await parent.prompt(handoff({ agent: "fourth", message: run }));
    expect(turn.text).toContain(daemon.kiln);
    expect(turn.text).not.toContain("a secret of yours");
    expect(turn.text).not.toContain("of the editor");
    const shown = turn.updates.find(({ sessionUpdate }) => sessionUpdate === "tool_call");
    expect(JSON.stringify(shown)).toContain("$ pwd");
  });

  test("numbers its tool calls for itself: they do not meet the first agent's, and a question names the call it is about", async () => {
    await using parent = await openParent(daemon, "first");
    parent.editor.onRequest("session/request_permission", () => ({ outcome: { outcome: "cancelled" } }));
    const own = '{"toolCallId":"same","title":"x"}';
    await parent.prompt(
      script(`tool ${own}`, handoff({ agent: "fourth", message: `tool ${own}\nask {"toolCall":${own}}` })),
    );
    const calls = parent.editor.updates().filter(({ sessionUpdate }) => sessionUpdate === "tool_call");
    const ids = calls.map(({ toolCallId }) => toolCallId);
    expect(new Set(ids).size).toBe(2);
    const question = await parent.editor.waitForRequest("session/request_permission");
    expect(question.params?.["toolCall"]).toMatchObject({ toolCallId: ids[1] });
  });

  test("gets the editor's own initialize, and MCP servers of a kind it can use", async () => {
    await using editor = daemon.editor("first");
    await editor.initialize({ fs: { readTextFile: true }, odd: { x: 1 } });
    const servers = [
      { name: "near", command: "near", args: [], env: [] },
      { type: "http", name: "far", url: "http://127.0.0.1:1/", headers: [] },
    ];
    const session = await editor.newSession(daemon.kiln, { mcpServers: servers });
    await editor.prompt(session, handoff({ agent: "logged", message: "say x" }));
    const opened = messagesTo("logged.jsonl").find(({ method }) => method === "session/new");
    expect((opened!.params["mcpServers"] as { name: string }[]).map(({ name }) => name)).toEqual(["near", "crucible"]);
    const { params } = messagesTo("logged.jsonl")[0]!;
    expect(params).toMatchObject({
      clientCapabilities: { fs: { readTextFile: true }, odd: { x: 1 } },
      clientInfo: { name: "crucible-test" },
    });
  });

  test("hears the note in its system prompt where it takes one, with its instructions, and only content it takes", async () => {
    await using parent = await openParent(daemon, "first");
    const line = handoff({ agent: "prompted", message: "note for you", new_session: true });
    const turn = await parent.editor.prompt(parent.session, [
      { type: "text", text: `${line}\nheard` },
      { type: "image", data: "AA==", mimeType: "image/png" },
    ]);
    const lines = turn.text.split("\n").filter((one) => one.startsWith('[[{"type"'));
    const words = JSON.stringify(JSON.parse(lines.at(-1)!));
    expect(words).not.toContain("You take over a conversation");
    expect(words).not.toContain('"type":"image"');
    expect(words).toContain("[image left out");
    const opened = messagesTo("prompted.jsonl").find(({ method }) => method === "session/new");
    const system = JSON.stringify(opened?.params["systemPrompt"]);
    expect(system).toContain("Be brief.");
    expect(system).toContain("note for you");
  });

  test("acts with its own rights: one that may not delegate gets no tool for it, and can only give the conversation back", async () => {
    await using parent = await openParent(daemon, "first");
    const turn = await parent.prompt(handoff({ agent: "mute", message: "mcp-list" }));
    const list = turn.text.split("\n").find((line) => line.startsWith("[{"))!;
    expect((JSON.parse(list) as { name: string }[]).map(({ name }) => name)).toEqual(["handoff_session"]);
    const further = await parent.prompt(
      handoff({ agent: "mute", message: handoff({ agent: "second", message: "x" }) }),
    );
    expect(further.text).toContain("CRU_DELEGATION_DISABLED");
  });

  test("delegates as itself, and its children end with the conversation's cancel", async () => {
    await using parent = await openParent(daemon, "first");
    const child = JSON.stringify({ agent: "third", task: script("touch deep.began", "hang") });
    const turn = parent.startTurn(handoff({ agent: "fourth", message: `delegate ${child}` }));
    await began("deep.began");
    expect((await allSessions(daemon)).map(({ agent, depth }) => `${agent} ${depth}`)).toEqual([
      "first 0",
      "fourth 0",
      "third 1",
    ]);
    parent.editor.cancel(parent.session);
    expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
    await assertNoChildren(daemon);
    expect(await speaker(parent)).toBe("first");
  });
});

describe("refusals", () => {
  const refused = async (agent: string, ...lines: string[]): Promise<string> => {
    await using parent = await openParent(daemon, agent);
    return (await parent.prompt(script(...lines))).text;
  };

  test("what the policy refuses for a delegation is refused here", async () => {
    expect(await refused("choosy", handoff({ agent: "third", message: "x" }))).toContain(
      "CRU_DELEGATION_TARGET_NOT_ALLOWED",
    );
    expect(await refused("first", handoff({ agent: "nobody", message: "x" }))).toContain(
      "CRU_DELEGATION_TARGET_UNKNOWN",
    );
    expect(await refused("first", handoff({ agent: "first", message: "x" }))).toContain("CRU_DELEGATION_CYCLE");
    expect(await refused("never", "mcp-list")).not.toContain("handoff_session");
  });

  test("a child cannot hand over anything, and is not offered the tool", async () => {
    const tries = handoff({ agent: "third", message: "x" });
    const text = await refused("deep", delegateLine({ agent: "second", task: script("mcp-list", tries) }));
    const { result } = JSON.parse(text) as { result: string };
    expect(result).toContain("CRU_HANDOFF_REFUSED");
    expect(result).toContain("delegate_session");
    expect(result.split("\n")[0]).not.toContain('"handoff_session"');
  });

  test("outside of a turn, and by one that no longer has the conversation", async () => {
    await using parent = await openParent(daemon, "first");
    await using tools = closing(await parent.tools());
    const call = { name: "handoff_session", arguments: { agent: "fourth", message: "x" } };
    const refusal = { isError: true, structuredContent: { error: { code: "CRU_HANDOFF_REFUSED" } } };
    expect(await tools.client.callTool(call)).toMatchObject(refusal);
    await handOver(parent, { agent: "fourth", message: "take it", return_after: false });
    const turn = parent.startTurn(script("touch others.began", "wait-for others.go"));
    await began("others.began");
    expect(await tools.client.callTool(call)).toMatchObject(refusal);
    writeFileSync(inKiln(daemon, "others.go"), "");
    await turn.answer();
  });

  test("once in a turn", async () => {
    const line = handoff({ agent: "fourth", message: "say taken" });
    const text = await refused("first", line, line);
    expect(text).toContain("CRU_HANDOFF_REFUSED");
    expect(announced(text)).toHaveLength(2);
  });

  test("no longer chain than max_handoff_depth of the profile it began with", async () => {
    const onward = handoff({ agent: "fifth", message: "say deep" });
    expect(await refused("shallow", handoff({ agent: "fourth", message: onward }))).toContain("CRU_DELEGATION_DEPTH");
    const onwards = ["third", "fourth", "fifth"].reduceRight(
      (message, agent) => handoff({ agent, message }),
      "say never",
    );
    await using parent = await openParent(daemon, "first");
    const text = await handOver(parent, { agent: "second", message: onwards });
    expect(text).toContain("CRU_DELEGATION_DEPTH");
    expect(announced(text).filter((words) => words.includes("takes over"))).toHaveLength(3);
  });

  test("no more than max_handoffs_per_session", async () => {
    await using parent = await openParent(daemon, "rare");
    for (const expected of ["accepted", "accepted", "CRU_DELEGATION_LIMIT"]) {
      expect((await parent.prompt(handoff({ agent: "fourth", message: "say x" }))).text).toContain(expected);
    }
  });
});

describe("an agent that takes over counts in the budget of the tree", () => {
  const delegated = delegateLine({ agent: "second", task: "x" });

  test.each([true, false])("with its tokens, as a child would (return_after %s)", async (returns) => {
    await using parent = await openParent(daemon, "frugal");
    await handOver(parent, { agent: "fourth", message: "usage 900\nsay within", return_after: returns }, "hello");
    expect((await parent.prompt(delegated)).text).toContain("second here");
    const more = await parent.prompt(script("usage 1500", "say more"));
    expect(more.stopReason).toBe("end_turn");
    if (returns) return;
    const { text } = await parent.prompt(delegated);
    expect(text).toContain("CRU_DELEGATION_BUDGET");
    expect(text).toMatch(/1500 tokens.*max_tokens_per_tree of frugal is 1000/);
    expect((await parent.prompt(handoff({ agent: "fifth", message: "touch never.taken" }))).text).toContain(
      "CRU_DELEGATION_BUDGET",
    );
    expect(existsSync(inKiln(daemon, "never.taken"))).toBe(false);
  });

  test("its figures stay when it has given the conversation back", async () => {
    await using parent = await openParent(daemon, "frugal");
    await handOver(parent, { agent: "fourth", message: "usage 1200\nsay used", return_after: true });
    await assertNoChildren(daemon);
    expect((await parent.prompt(delegated)).text).toMatch(/CRU_DELEGATION_BUDGET.*1200|1200.*CRU_DELEGATION_BUDGET/);
  });

  test("as an agent that was started", async () => {
    await using parent = await openParent(daemon, "alone");
    await handOver(parent, { agent: "fourth", message: "say x", return_after: true });
    expect((await parent.prompt(delegated)).text).toContain("CRU_DELEGATION_BUDGET");
  });
});

describe("on and back", () => {
  test("a chain that returns unwinds to the first, each told of the one after", async () => {
    await using parent = await openParent(daemon, "first");
    const text = await handOver(parent, {
      agent: "second",
      message: handoff({ agent: "third", message: "say from the end" }),
    });
    expect(announced(text).map((words) => words.split(":")[0])).toEqual([
      "second takes over",
      "third takes over",
      "first has the conversation again",
    ]);
    expect(text).toContain("from the end");
    await assertNoChildren(daemon);
    const next = heard((await parent.prompt("heard")).text);
    expect(next).toContain("second had the conversation");
    expect(next).toContain("third had the conversation");
  });

  test("who was to return, and gave it away for good, is not returned to", async () => {
    await using parent = await openParent(daemon, "first");
    const onward = handoff({ agent: "third", message: "say mine", return_after: false });
    await handOver(parent, { agent: "second", message: onward });
    expect(await speaker(parent)).toBe("third");
    await until(async () => (await allSessions(daemon)).length === 2, { what: "second to end" });
    const turn = await parent.prompt("/return");
    expect(announced(turn.text)).toEqual(["first has the conversation again"]);
    const told = heard((await parent.prompt("heard")).text);
    expect(told).toContain("second had the conversation for one turn");
    expect(told).toContain("third had the conversation for 2 turns");
  });

  test("one of a chain gives it back to the one before, which goes on as it was meant to", async () => {
    await using parent = await openParent(daemon, "first");
    const back = handoff({ agent: "second", message: "say second again" });
    const text = await handOver(parent, {
      agent: "second",
      message: handoff({ agent: "third", message: back, return_after: false }),
    });
    expect(text).toContain("second again");
    expect(announced(text).at(-1)).toBe("first has the conversation again");
    await assertNoChildren(daemon);
  });

  test("the one that has it gives it back, and the first goes on in the same turn with what it knows", async () => {
    await using parent = await openParent(daemon, "first");
    await parent.prompt(handoff({ agent: "mute", message: "take it", return_after: false }));
    const turn = await parent.prompt(handoff({ agent: "first", message: "say welcome back\nheard" }));
    expect(turn.text).toContain("welcome back");
    const prompt = heard(turn.text);
    expect(prompt).toContain("mute had the conversation for 2 turns");
    expect(prompt).not.toContain("The conversation so far");
    expect(await speaker(parent)).toBe("first");
    await assertNoChildren(daemon);
  });

  test("the one that has it lets the first answer once, and has it again", async () => {
    await using parent = await openParent(daemon, "first");
    await parent.prompt(handoff({ agent: "fourth", message: "take it", return_after: false }));
    const turn = await parent.prompt(handoff({ agent: "first", message: "say just this", return_after: true }));
    expect(announced(turn.text)).toEqual(["first takes over: say just this", "fourth has the conversation again"]);
    expect(heard((await parent.prompt("heard")).text)).toContain(
      "first had the conversation for one turn, and said last:\n> ",
    );
    expect(await speaker(parent)).toBe("fourth");
  });
});

describe("/return", () => {
  const commands = (parent: Parent): string[][] =>
    parent.editor
      .updates(parent.session)
      .filter(({ sessionUpdate }) => sessionUpdate === "available_commands_update")
      .map((update) => (update["availableCommands"] as { name: string }[]).map(({ name }) => name));
  const tell = (...names: string[]): string =>
    `update ${JSON.stringify({ sessionUpdate: "available_commands_update", availableCommands: names.map((name) => ({ name, description: name })) })}`;

  test("is offered among the commands of who has it, and takes the conversation back", async () => {
    await using parent = await openParent(daemon, "first");
    await parent.prompt(tell("plan"));
    await parent.prompt(handoff({ agent: "fourth", message: tell("build"), return_after: false }));
    expect(commands(parent).at(-1)).toEqual(["build", "return"]);
    const turn = await parent.prompt("/return");
    expect(turn).toMatchObject({ stopReason: "end_turn" });
    expect(announced(turn.text)).toEqual(["first has the conversation again"]);
    expect(commands(parent).at(-1)).toEqual(["plan"]);
    expect(await speaker(parent)).toBe("first");
    await assertNoChildren(daemon);
  });

  test("is an ordinary prompt while nobody else has the conversation", async () => {
    await using parent = await openParent(daemon, "first");
    expect((await parent.prompt("/return")).text).toBe("echo: /return");
    await parent.prompt(handoff({ agent: "fourth", message: "say x" }));
    expect(commands(parent)).toEqual([]);
  });
});

describe("session/cancel", () => {
  test("in the turn in which it was accepted drops the handoff", async () => {
    await using parent = await openParent(daemon, "first");
    const turn = parent.startTurn(script(handoff({ agent: "fourth", message: "touch no" }), "touch c1.began", "hang"));
    await began("c1.began");
    parent.editor.cancel(parent.session);
    expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
    expect(await speaker(parent)).toBe("first");
    expect(existsSync(inKiln(daemon, "no"))).toBe(false);
  });

  test("while the target starts gives it up at once", async () => {
    await using parent = await openParent(daemon, "first");
    const turn = parent.startTurn(handoff({ agent: "slow", message: "x", return_after: false }));
    await until(async () => (await allSessions(daemon)).some(({ agent }) => agent === "slow"), { what: "the start" });
    parent.editor.cancel(parent.session);
    expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
    expect(await speaker(parent)).toBe("first");
    await assertNoChildren(daemon);
  });

  test.each([true, false])("in the target's turn goes to the target (return_after %s)", async (returns) => {
    await using parent = await openParent(daemon, "first");
    const mark = `c3.${String(returns)}`;
    const turn = parent.startTurn(
      handoff({ agent: "fourth", message: script(`touch ${mark}`, "hang"), return_after: returns }),
    );
    await began(mark);
    parent.editor.cancel(parent.session);
    expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
    expect(await speaker(parent)).toBe(returns ? "first" : "fourth");
  });

  test("$/cancel_request of the prompt reaches whoever has it", async () => {
    await using parent = await openParent(daemon, "first");
    const turn = parent.startTurn(handoff({ agent: "fourth", message: "touch c4.began\nhang", return_after: true }));
    await began("c4.began");
    parent.editor.notify("$/cancel_request", { requestId: turn.id });
    expect((await turn.answer()).error?.code).toBe(-32800);
    expect(await speaker(parent)).toBe("first");
  });
});

describe("a target that fails", () => {
  test.each([true, false])(
    "one that cannot start: the user is told, and control stays (return_after %s)",
    async (returns) => {
      await using parent = await openParent(daemon, "first");
      const text = await handOver(parent, { agent: "broken", message: "do it", return_after: returns });
      expect(announced(text)).toEqual([expect.stringMatching(/^broken could not take over: .*code 3/)]);
      expect(await speaker(parent)).toBe("first");
      await assertNoChildren(daemon);
    },
  );

  test("one that answers its first prompt with an error has not taken over", async () => {
    await using parent = await openParent(daemon, "first");
    const text = await handOver(parent, { agent: "fourth", message: "fail -32050 quota", return_after: false });
    expect(announced(text).slice(1)).toEqual([
      "fourth could not take over: it answered with an error: quota",
      "first has the conversation again",
    ]);
    await assertNoChildren(daemon);
    expect(heard((await parent.prompt("heard")).text)).toContain("fourth could not take over");
  });

  test("one that answers a later prompt with an error keeps the conversation, and the editor gets the error", async () => {
    await using parent = await openParent(daemon, "first");
    await handOver(parent, { agent: "fourth", message: "say mine", return_after: false });
    const { error } = await parent.startTurn("fail -32050 quota").answer();
    expect(error).toMatchObject({ code: -32050, message: "quota" });
    expect(await speaker(parent)).toBe("fourth");
  });

  test.each([true, false])(
    "one that dies in its turn: told, and the first has it again (return_after %s)",
    async (returns) => {
      await using parent = await openParent(daemon, "first");
      const turn = await parent.prompt(handoff({ agent: "fourth", message: "exit 7", return_after: returns }));
      expect(turn.stopReason).toBe("end_turn");
      expect(announced(turn.text).slice(1)).toEqual([
        expect.stringMatching(/^fourth has ended: .*code 7/),
        "first has the conversation again",
      ]);
      expect(heard((await parent.prompt("heard")).text)).toContain("fourth has ended");
      await assertNoChildren(daemon);
    },
  );

  test("one that dies between two turns, and one that dies in a later one", async () => {
    await using parent = await openParent(daemon, "first");
    await parent.prompt(handoff({ agent: "fourth", message: "take it", return_after: false }));
    await parent.prompt("say here");
    const fourth = (await allSessions(daemon)).find(({ agent }) => agent === "fourth");
    process.kill(fourth!.pid!, "SIGKILL");
    await until(() => announced(parent.editor.text()).includes("fourth has ended"), { what: "the user to be told" });
    expect(await speaker(parent)).toBe("first");

    await parent.prompt(handoff({ agent: "fifth", message: "take it", return_after: false }));
    const turn = await parent.prompt("exit 5");
    expect(turn.stopReason).toBe("end_turn");
    expect(announced(turn.text)[0]).toMatch(/^fifth has ended: .*code 5/);
    expect(await speaker(parent)).toBe("first");
  });
});

describe("the end", () => {
  const stubborn = (mark: string): Handing => ({
    agent: "fourth",
    message: script("spawn-grandchild setsid", `touch ${mark}`, "hang-hard"),
  });

  test("the editor leaves in the target's turn: nothing is left", async () => {
    const parent = await openParent(daemon, "first");
    parent.startTurn(handoff(stubborn("end.left")));
    await began("end.left");
    parent.editor.kill("SIGKILL");
    await assertIdle(daemon);
  });

  test("the session is closed in the target's turn: the target is gone, the editor's agent is not", async () => {
    await using parent = await openParent(daemon, "first");
    parent.startTurn(handoff(stubborn("end.closed")));
    await began("end.closed");
    await parent.editor.request("session/close", { sessionId: parent.session });
    await until(async () => (await allSessions(daemon)).length === 0, { what: "all sessions to end" });
    const second = await parent.editor.newSession(daemon.kiln);
    expect((await parent.editor.prompt(second, "say alive")).text).toBe("alive");
  });

  test("the editor leaves while the target starts: nothing is left", async () => {
    const parent = await openParent(daemon, "first");
    parent.startTurn(handoff({ agent: "slow", message: "x" }));
    await until(async () => (await allSessions(daemon)).some(({ agent }) => agent === "slow"), { what: "the start" });
    parent.editor.kill("SIGKILL");
    await assertIdle(daemon);
  });

  test.each(["session/load", "session/resume"])(
    "%s of a conversation another agent had opens the first one's and says so",
    async (method) => {
      await using parent = await openParent(daemon, "remembers");
      await handOver(parent, { agent: "fourth", message: "take it", return_after: false });
      await parent.editor.end();
      await assertIdle(daemon);

      await using editor = daemon.editor("remembers");
      await editor.initialize();
      await editor.request(method, { sessionId: parent.session, cwd: daemon.kiln, mcpServers: [] });
      const words = "this conversation had been handed over to fourth; it is opened again with remembers";
      expect(announced(editor.text(parent.session)).at(-1)).toContain(words);
      const turn = await editor.prompt(parent.session, "session\nheard");
      expect(turn.text).toMatch(/^remembers-/);
      expect(heard(turn.text)).toContain(words);
      // Said once.
      const before = editor.text(parent.session).length;
      await editor.request(method, { sessionId: parent.session, cwd: daemon.kiln, mcpServers: [] });
      expect(announced(editor.text(parent.session).slice(before)).filter((one) => one.includes(words))).toHaveLength(0);
    },
  );

  test("session/load in the same window while another agent has it ends that one", async () => {
    await using parent = await openParent(daemon, "remembers");
    await handOver(parent, { agent: "fourth", message: "take it", return_after: false });
    await parent.editor.request("session/load", { sessionId: parent.session, cwd: daemon.kiln, mcpServers: [] });
    expect(await speaker(parent)).toBe("remembers");
    await assertNoChildren(daemon);
  });
});
