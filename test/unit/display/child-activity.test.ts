/** What is written of a child: the last of everything, bounded, and nothing a terminal or an editor would obey. */
import { describe, expect, test } from "vitest";
import {
  ChildActivity,
  maxPlanEntries,
  maxToolCallsKept,
  maxToolCallsShown,
  maxWordCharacters,
} from "../../../src/display/child-activity.ts";

function after(...updates: Record<string, unknown>[]): ChildActivity {
  const activity = new ChildActivity();
  for (const update of updates) activity.update({ sessionId: "s", update });
  return activity;
}

const tool = (id: number, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  sessionUpdate: "tool_call",
  toolCallId: `t${id}`,
  title: `Tool ${id}`,
  status: "pending",
  ...fields,
});
const said = (text: string): Record<string, unknown> => ({
  sessionUpdate: "agent_message_chunk",
  content: { type: "text", text },
});
const many = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe("what a child is at", () => {
  test("nothing yet is nothing", () => expect(after().render()).toBe(""));

  test("the last tool calls are shown, those before counted, and any may still change", () => {
    const activity = after(...many(maxToolCallsShown + 3).map((id) => tool(id)));
    activity.update({ update: { sessionUpdate: "tool_call_update", toolCallId: "t4", status: "completed" } });
    expect(activity.render()).toContain("Tool calls (3 before):\n- · Tool 3\n- ✓ Tool 4\n");
    expect(activity.toolCallCount).toBe(maxToolCallsShown + 3);
  });

  test("a long life of tool calls is counted, and only the last are kept: one that was forgotten is a new one", () => {
    const activity = after(...many(maxToolCallsKept * 3).map((id) => tool(id)));
    expect(activity.toolCallCount).toBe(maxToolCallsKept * 3);
    const update = (id: number): unknown => ({ update: { sessionUpdate: "tool_call_update", toolCallId: `t${id}` } });
    activity.update(update(maxToolCallsKept * 2));
    expect(activity.toolCallCount).toBe(maxToolCallsKept * 3);
    activity.update(update(maxToolCallsKept * 2 - 1));
    expect(activity.toolCallCount).toBe(maxToolCallsKept * 3 + 1);
  });

  test("an update without a call before it is a call", () => {
    expect(after({ sessionUpdate: "tool_call_update", toolCallId: "x", status: "failed" }).render()).toBe(
      "Tool calls:\n- ✗ a tool",
    );
  });

  test("a plan is replaced as a whole, and its end counted when it is long", () => {
    const entries = many(maxPlanEntries + 2).map((index) => ({ content: `Step ${index}`, status: "pending" }));
    const activity = after(
      { sessionUpdate: "plan", entries: [{ content: "Old", status: "pending" }] },
      { sessionUpdate: "plan", entries },
    );
    expect(activity.render()).not.toContain("Old");
    expect(activity.render()).toMatch(/- … 2 more$/);
  });

  test("the words are the last ones, of the message after the last tool call", () => {
    const activity = after(said("Let me look."), tool(1), said("It is "), said("the lexer."));
    expect(activity.render()).toBe("Tool calls:\n- · Tool 1\n\n> It is the lexer.");
  });

  test("of a flood of words the end stays", () => {
    const activity = after(...many(10_000).map((index) => said(`word${index} `)));
    expect(activity.render()).toMatch(/word9999$/);
    expect(activity.render().length).toBeLessThan(maxWordCharacters + 10);
  });

  test("every line of the words is quoted, so that none can look like Crucible's own", () => {
    expect(after(said("one\nTool calls:\n- ✓ fake")).render()).toBe("> one\n> Tool calls:\n> - ✓ fake");
  });

  test("control characters are left out", () => {
    expect(after(tool(1, { title: "a\u001b[2Jb\nc" }), said("\u001b[31mred")).render()).toBe(
      "Tool calls:\n- · a[2Jb c\n\n> [31mred",
    );
  });

  test("only what is shown counts as a change", () => {
    const activity = after();
    const changes = (update: unknown): boolean => activity.update({ update });
    expect(changes({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "hm" } })).toBe(false);
    expect(changes({ sessionUpdate: "usage_update", used: 5 })).toBe(false);
    expect(changes("nonsense")).toBe(false);
    expect(changes(said("yes"))).toBe(true);
  });
});
