/** What of a parent's conversation reaches a child, over the whole way: editor, daemon, parent's tool call, child's prompt. */
import { beforeEach, describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { connectTools, endOf, mayDelegate, openParent, script, type Parent } from "./delegating.ts";

const config = [
  // Room for a child to say all it was given.
  scriptedProfile("parent", { delegation: `${mayDelegate}\nresult_max_bytes = 1048576` }),
  scriptedProfile("other"),
  scriptedProfile("middle", { delegation: "enabled = true\nmax_depth = 3" }),
  scriptedProfile("top", { delegation: "enabled = true\nmax_depth = 3" }),
  scriptedProfile("briefed", { settings: String.raw`brief = "You answer to {from}.\nStay in {cwd}."` }),
  scriptedProfile("bare", { settings: 'brief = ""' }),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;

shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  close: () => endOf(daemon),
});
beforeEach(async () => {
  parent = await openParent(daemon, "parent");
  return () => parent[Symbol.asyncDispose]();
});

async function ask(call: Record<string, unknown>, from = parent): Promise<DelegationResult> {
  return JSON.parse((await from.prompt(`delegate ${JSON.stringify(call)}`)).text) as DelegationResult;
}

/** The texts of the blocks that the child was given. */
async function blocks(call: Record<string, unknown>): Promise<string[]> {
  const { result } = await ask({ agent: "other", task: "heard", ...call });
  const [prompt] = JSON.parse(result) as [{ text: string }[]];
  return prompt.map(({ text }) => text.trim());
}

describe("context_depth", () => {
  beforeEach(async () => {
    for (const word of ["apple", "banana", "cherry"]) await parent.prompt(`say I like ${word}`);
  });

  test.each([{}, { context_depth: "none" }, { context_depth: "none", context_scope: "full", context_turns: 3 }])(
    "%j lets nothing out",
    async (call) => {
      const given = (await blocks(call)).join("\n");
      expect(given).not.toMatch(/apple|banana|cherry/);
    },
  );

  test("recent is the last three turns, what was said by whom, in a block of its own behind the task", async () => {
    const given = await blocks({ context_depth: "recent" });
    expect(given[0]).toBe("heard");
    expect(given).toHaveLength(3);
    expect(given[1]).toMatch(/^Conversation so far/);
    expect(given[1]).not.toContain("apple");
    expect(given[1]).toContain("[User]\n> say I like banana");
    expect(given[1]).toContain("[parent]\n> I like cherry");
  });

  test("context_turns says how many", async () => {
    const given = await blocks({ context_depth: "recent", context_turns: 2 });
    expect(given[1]).not.toContain("banana");
    expect(given[1]).toContain("cherry");
  });

  test("all is everything", async () => {
    const [, given = ""] = await blocks({ context_depth: "all" });
    for (const word of ["apple", "banana", "cherry"]) expect(given).toContain(word);
  });

  test("stands beside the context that the parent wrote", async () => {
    const given = await blocks({ context_depth: "recent", context: "use make" });
    expect(given.slice(0, 3)).toEqual([
      "heard",
      expect.stringContaining("use make"),
      expect.stringContaining("cherry"),
    ]);
  });

  test("is what it was when the parent asked, for each task of a batch", async () => {
    const tasks = [
      { agent: "other", task: "heard", context_depth: "all" },
      { agent: "other", task: "heard" },
    ];
    const { text } = await parent.prompt(`delegate ${JSON.stringify({ tasks })}`);
    const { results } = JSON.parse(text) as { results: DelegationResult[] };
    expect(results[0]?.result).toContain("apple");
    expect(results[1]?.result).not.toContain("apple");
  });
});

test("context_scope adds the results of delegations, and then what tools put out", async () => {
  const content = [{ type: "content", content: { type: "text", text: "grep found a walrus" } }];
  await parent.prompt(`tool ${JSON.stringify({ title: "grep", kind: "search", content })}`);
  await ask({ agent: "other", task: "say the octopus is blue" });
  const scoped = async (scope?: string) =>
    (await blocks({ context_depth: "all", ...(scope ? { context_scope: scope } : {}) }))[1] ?? "";

  const plain = await scoped();
  expect(plain).not.toContain("[Tool:");
  expect(plain).not.toContain("Result of a delegation");
  const agents = await scoped("agents");
  expect(agents).toMatch(/\[Result of a delegation to other: [^\]]*\]\n> the octopus is blue/);
  expect(agents).not.toContain("[Tool:");
  const full = await scoped("full");
  expect(full).toContain("octopus");
  expect(full).toMatch(/\[Tool: grep [^\]]*\]\n> grep found a walrus/);
});

test("a parent gives on its own conversation, never its parent's", async () => {
  const top = await openParent(daemon, "top");
  try {
    await top.prompt("say the root secret is swordfish");
    const grandchild = JSON.stringify({ agent: "other", task: "heard", context_depth: "all", context_scope: "full" });
    const result = await ask({ agent: "middle", task: script("say middle words", `delegate ${grandchild}`) }, top);
    expect(result.result).toContain("middle words");
    expect(result.result).not.toContain("swordfish");
  } finally {
    await top[Symbol.asyncDispose]();
  }
});

test("a conversation that is far too long is cut to its newest part, and the child is told", async () => {
  for (let turn = 1; turn <= 4; turn++) await parent.prompt(script(`flood 300 100`, `say turn number ${turn}`));
  const [, given = ""] = await blocks({ context_depth: "all" });
  expect(Buffer.byteLength(given)).toBeLessThan(70 * 1024);
  expect(given).toContain("turn number 4");
  expect(given).toMatch(/Left out: \d earlier turns?/);
});

test("a caller without a conversation is refused, with what to do instead", async () => {
  const tools = await connectTools({
    name: "crucible",
    command: process.execPath,
    args: [`${import.meta.dirname}/../../bin/crucible.js`, "mcp", "--agent", "parent", ...daemon.home.place],
    env: Object.entries(daemon.home.env).map(([name, value]) => ({ name, value })),
  });
  try {
    const call = { agent: "other", task: "say hi", context_depth: "recent" };
    const answer = await tools.callTool({ name: "delegate_session", arguments: call });
    expect(answer.isError).toBe(true);
    expect(answer.structuredContent).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_CONTEXT" } });
  } finally {
    await tools.close();
  }
});

describe("the closing words", () => {
  test("are the child's profile's own, with who asks and where filled in", async () => {
    const given = await blocks({ agent: "briefed" });
    expect(given).toEqual(["heard", `You answer to parent.\nStay in ${daemon.kiln}.`]);
  });

  test("can be left out altogether", async () => {
    expect(await blocks({ agent: "bare" })).toEqual(["heard"]);
  });
});
