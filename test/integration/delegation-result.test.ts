/** What a caller gets back: the result object, the child's final message, and stop reasons told as what they mean. */
import { describe, expect, test } from "vitest";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, assertNoChildren, callDelegate, mayDelegate, openParent, script, type Parent } from "./delegating.ts";

const config = [
  scriptedProfile("parent", { delegation: mayDelegate }),
  scriptedProfile("other"),
  scriptedProfile("instructed", { settings: 'instructions = "Speak like a pirate."' }),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [parent]),
});

const fields = [
  "delegation_id",
  "session_id",
  "agent",
  "status",
  "result",
  "truncated",
  "result_bytes",
  "stop_reason",
  "artifacts",
  "usage",
  "duration_ms",
];

test("a completed delegation answers with exactly the fields of the contract", async () => {
  const result = await parent.delegate({ agent: "other", task: script("usage 33", "say grüß dich") });
  expect(Object.keys(result).toSorted()).toEqual(fields.toSorted());
  expect(result).toEqual({
    delegation_id: expect.stringMatching(/.{8,}/) as string,
    session_id: expect.stringMatching(/.{8,}/) as string,
    agent: "other",
    status: "completed",
    result: "grüß dich",
    truncated: false,
    result_bytes: Buffer.byteLength("grüß dich"),
    stop_reason: "end_turn",
    artifacts: [],
    usage: { tokens: 33, cost: null },
    duration_ms: expect.any(Number) as number,
  });
  expect(result.duration_ms).toBeGreaterThan(0);
});

test("a failed one carries the error with code, message and hint besides", async () => {
  const result = await parent.delegate({ agent: "other", task: script("say half of it", "stop max_tokens") });
  expect(Object.keys(result).toSorted()).toEqual([...fields, "error"].toSorted());
  expect(result).toMatchObject({ status: "failed", stop_reason: "max_tokens", result: "half of it" });
  expect(result.error).toEqual({
    code: expect.stringMatching(/^CRU_/) as string,
    message: expect.stringContaining("tokens") as string,
    hint: expect.stringMatching(/./) as string,
  });
});

test("cost and the turn's token count come from the child's own reports", async () => {
  const task = script('usage {"used": 41000, "cost": {"amount": 0.25, "currency": "USD"}}', "say done");
  const { usage } = await parent.delegate({ agent: "other", task });
  expect(usage).toEqual({ tokens: 41000, cost: { amount: 0.25, currency: "USD" } });
});

test("self is a fresh copy of the caller's own profile, in the same directory", async () => {
  const result = await parent.delegate({ agent: "self", task: script("cwd", "heard") });
  expect(result).toMatchObject({ status: "completed", agent: "parent" });
  expect(result.result).toContain(daemon.kiln);
  expect(result.result).not.toContain("delegate {");
});

test("the child hears the task word for word first, then the context, and who asks", async () => {
  const task = script("heard", "  an indented line", "", "after an empty one");
  const { result } = await parent.delegate({ agent: "other", task, context: "the build uses make" });
  const [prompt] = JSON.parse(result) as [{ type: string; text: string }[]];
  expect(prompt[0]).toEqual({ type: "text", text: task });
  expect(prompt[1]?.text).toContain("the build uses make");
  expect(prompt.map(({ text }) => text).join("")).toContain("parent");
  expect(prompt.map(({ text }) => text).join("")).toContain(daemon.kiln);
});

test("nothing of the parent's conversation reaches the child", async () => {
  await parent.prompt("say the password is swordfish");
  const { result } = await parent.delegate({ agent: "other", task: "heard" });
  expect(result).not.toContain("swordfish");
});

test("a profile's instructions open the child's first prompt", async () => {
  const { result } = await parent.delegate({ agent: "instructed", task: "heard" });
  const [prompt] = JSON.parse(result) as [{ text: string }[]];
  expect(prompt[0]?.text.trim()).toBe("Speak like a pirate.");
  expect(prompt[1]?.text).toBe("heard");
});

describe("the result is the child's final message", () => {
  const cases: { name: string; task: string; result: unknown }[] = [
    { name: "all it said, if it used no tool", task: script("say one", "say two"), result: "one\ntwo" },
    {
      name: "what stands after its last tool call",
      task: script("say looking", "tool {}", "say between", "tool {}", "say the answer"),
      result: "the answer",
    },
    {
      name: "what it said before, if it fell silent after the tool call",
      task: script("say the answer", "tool {}", "tool {}"),
      result: "the answer",
    },
    {
      name: "not overwritten by blank text",
      task: script("say the answer", "tool {}", String.raw`say " \n "`),
      result: "the answer",
    },
    {
      name: "never its thoughts",
      task: script("think secret musings", "say the answer", "think more"),
      result: "the answer",
    },
  ];
  test.each(cases)("$name", async ({ task, result }) => {
    expect(await parent.delegate({ agent: "other", task })).toMatchObject({ status: "completed", result });
  });

  test("a child that said nothing at all is told as such, with its tool calls counted", async () => {
    const silent = await parent.delegate({ agent: "other", task: script("tool {}", "tool {}", "tool {}") });
    expect(silent).toMatchObject({ status: "completed", result: expect.stringMatching(/without saying anything/) });
    expect(silent.result).toContain("3 tool calls");
    expect(silent.result_bytes).toBe(Buffer.byteLength(silent.result));
  });

  test("however much it had said before", async () => {
    const task = script("flood 2000 20", "tool {}", "say last words");
    expect((await parent.delegate({ agent: "other", task })).result).toBe("last words");
  });
});

describe("a stop reason is told as what it means", () => {
  test.each([
    ["end_turn", "completed", undefined],
    ["refusal", "refused", "CRU_AGENT_REFUSED"],
    ["max_tokens", "failed", "CRU_AGENT_STOPPED"],
    ["max_turn_requests", "failed", "CRU_AGENT_STOPPED"],
    ["cancelled", "cancelled", "CRU_AGENT_STOPPED"],
    ["out_of_cheese", "failed", "CRU_AGENT_STOPPED"],
  ])("%s is %s", async (stopReason, status, code) => {
    const result = await parent.delegate({ agent: "other", task: script("say so far", `stop ${stopReason}`) });
    expect(result).toMatchObject({ status, stop_reason: stopReason, result: "so far" });
    expect(result.error?.code).toBe(code);
  });

  test("an unknown one is named", async () => {
    const { error } = await parent.delegate({ agent: "other", task: "stop out_of_cheese" });
    expect(error?.message).toContain("out_of_cheese");
  });
});

test("a JSON-RPC error of the child is a failed delegation that carries the child's own words", async () => {
  const result = await parent.delegate({
    agent: "other",
    task: script("say tried", 'fail -32603 "the model is on holiday"'),
  });
  expect(result).toMatchObject({ status: "failed", stop_reason: null, result: "tried" });
  expect(result.error?.message).toContain("the model is on holiday");
});

test("everything but completed is marked as an error for the model, with what to do instead in the text", async () => {
  const tools = await parent.tools();
  try {
    const good = await callDelegate(tools, { agent: "other", task: "say fine" });
    expect(good).toMatchObject({ isError: false, text: expect.stringContaining("fine") as string });
    expect(good.text).toContain(good.result.delegation_id);
    for (const reason of ["refusal", "max_tokens", "cancelled", "whatever"]) {
      const bad = await callDelegate(tools, { agent: "other", task: script("say so far", `stop ${reason}`) });
      expect(bad.isError).toBe(true);
      expect(bad.text).toContain("so far");
      expect(bad.text).toContain(bad.result.error?.code);
      expect(bad.text).toContain(bad.result.error?.hint);
    }
  } finally {
    await tools.close();
  }
});

test("control and bidirectional characters of a child reach the model as they are: it is data", async () => {
  const nasty = "\u001b[31mred\u202Eevil";
  const { result } = await parent.delegate({ agent: "other", task: `say ${JSON.stringify(nasty)}` });
  expect(result).toBe(nasty);
});
