/** Which of a child's many words are its final message, and what it is said to be doing. */
import { describe, expect, test } from "vitest";
import { maxReplyCharacters, maxTitledToolCalls, Reply } from "../../../src/delegation/reply.ts";

function replyTo(...updates: Record<string, unknown>[]): Reply {
  const reply = new Reply();
  for (const update of updates) reply.update({ sessionId: "s", update });
  return reply;
}

const says = (text: string): Record<string, unknown> => ({
  sessionUpdate: "agent_message_chunk",
  content: { type: "text", text },
});
const calls = (toolCallId: string, title?: string): Record<string, unknown> => ({
  sessionUpdate: "tool_call",
  toolCallId,
  ...(title === undefined ? {} : { title }),
});
const updates = (toolCallId: string, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  sessionUpdate: "tool_call_update",
  toolCallId,
  ...fields,
});

describe("the final message", () => {
  test("chunks are joined without anything between them", () => {
    expect(replyTo(says("Hel"), says("lo"), says(" there")).text).toBe("Hello there");
  });

  test("text while a tool runs belongs to what comes after its call", () => {
    expect(replyTo(says("before"), calls("1"), says("during"), updates("1"), says(" and after")).text).toBe(
      "during and after",
    );
  });

  test("an update of a tool call nobody announced is the call", () => {
    const reply = replyTo(says("before"), updates("1", { title: "Hidden" }), says("after"));
    expect(reply).toMatchObject({ text: "after", toolCalls: 1 });
  });

  test("the last text that was not blank counts where there is none after the last call", () => {
    expect(replyTo(says("one"), calls("1"), says("two"), calls("2"), calls("3"), says(" \n")).text).toBe("two");
  });

  test("the user's words, thoughts, plans and images are no message", () => {
    const reply = replyTo(
      says("it"),
      { sessionUpdate: "user_message_chunk", content: { type: "text", text: "no" } },
      { sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "no" } },
      { sessionUpdate: "plan", entries: [] },
      { sessionUpdate: "agent_message_chunk", content: { type: "image", data: "x" } },
      { sessionUpdate: "something_new" },
    );
    expect(reply.text).toBe("it");
  });

  test("updates that are none are passed over", () => {
    const reply = new Reply();
    for (const params of [undefined, null, 7, [], {}, { update: 7 }, { update: { sessionUpdate: 7 } }]) {
      expect(reply.update(params)).toBe(false);
    }
    expect(reply.text).toBe("");
  });

  test("more than is kept loses its beginning, and says so", () => {
    const reply = replyTo(...Array.from({ length: 24 }, () => says("x".repeat(1024 * 1024))), says("the end"));
    expect(reply.text).toMatch(/^\[the first \d+ characters were too many to keep\]\nx/);
    expect(reply.text.endsWith("the end")).toBe(true);
    expect(reply.text.length).toBeLessThan(maxReplyCharacters * 1.3);
  });
});

describe("the activity", () => {
  test("follows what it does, in one plain line", () => {
    const reply = replyTo(calls("1", "Run\n\u001b[31mthe tests"));
    expect(reply.activity).toBe("Run [31mthe tests");
    reply.update({ update: says("so") });
    expect(reply.activity).toMatch(/answer/);
    reply.update({ update: updates("1", { status: "completed" }) });
    expect(reply.activity).toContain("the tests");
  });

  test("of an agent that was given its task and is silent is no longer that it starts", () => {
    const reply = new Reply();
    expect(reply.activity).toBe("starting");
    reply.turnStarted();
    expect(reply.activity).toBe("at work");
  });

  test("knows the titles of the last tool calls only: one that was forgotten is a new one", () => {
    const reply = replyTo(...Array.from({ length: maxTitledToolCalls + 1 }, (_, id) => calls(`${id}`, `Tool ${id}`)));
    reply.update({ update: updates("1") });
    expect(reply).toMatchObject({ activity: "Tool 1", toolCalls: maxTitledToolCalls + 1 });
    reply.update({ update: updates("0") });
    expect(reply).toMatchObject({ activity: "a tool", toolCalls: maxTitledToolCalls + 2 });
  });

  test("is told only when it changes", () => {
    const reply = new Reply();
    expect(reply.update({ update: says("a") })).toBe(true);
    expect(reply.update({ update: says("b") })).toBe(false);
    expect(reply.update({ update: calls("1", "T") })).toBe(true);
  });
});

describe("usage", () => {
  test("is null where the child never told any", () => {
    expect(replyTo(says("x")).usage).toEqual({ tokens: null, cost: null });
  });

  test("is the last that was told, and the turn's own count at its end", () => {
    const reply = replyTo(
      { sessionUpdate: "usage_update", used: 10, cost: { amount: 1, currency: "EUR" } },
      { sessionUpdate: "usage_update", used: 20 },
      { sessionUpdate: "usage_update", used: "many", cost: { amount: "1" } },
    );
    expect(reply.usage).toEqual({ tokens: 20, cost: { amount: 1, currency: "EUR" } });
    reply.finished({ usage: { totalTokens: 25 } });
    reply.finished({});
    reply.finished(undefined);
    expect(reply.usage.tokens).toBe(25);
  });
});
