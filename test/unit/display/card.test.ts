/** The pace of a card: at most one change a second, none without a difference, and the end at once. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Card, cardPaceMs } from "../../../src/display/card.ts";
import { ChildActivity } from "../../../src/display/child-activity.ts";
import type { Outcome } from "../../../src/display/outcome.ts";

const done: Outcome = { state: { state: "idle", stopReason: "end_turn" }, kind: "completed", line: "done in 1 s" };

let sent: Record<string, unknown>[];
let kept: Record<string, unknown>[];
let activity: ChildActivity;
let card: Card;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  kept = [];
  activity = new ChildActivity();
  card = new Card(
    {
      toolCallId: "crucible:del_1",
      title: "worker: Dig",
      activity,
      meta: {},
      send: (update) => void sent.push(update),
      keep: (update) => void kept.push(update),
    },
    { status: "pending", note: "waiting for a free place" },
  );
});
afterEach(() => {
  card.drop();
  vi.useRealTimers();
});

function say(text: string): void {
  activity.update({ update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } } });
  card.touch();
}

describe("a card", () => {
  test("is made at once, complete", () => {
    expect(sent).toEqual([
      {
        sessionUpdate: "tool_call",
        toolCallId: "crucible:del_1",
        title: "worker: Dig",
        kind: "other",
        status: "pending",
        content: [{ type: "content", content: { type: "text", text: "waiting for a free place" } }],
        _meta: {},
      },
    ]);
  });

  test("changes at most once a second, and then to the latest", () => {
    for (let at = 0; at < 3000; at += 10) {
      say(`${at} `);
      vi.advanceTimersByTime(10);
    }
    expect(sent).toHaveLength(1 + 3);
    expect(JSON.stringify(sent.at(-1))).toContain("2990");
  });

  test("is stored as it began and as it ended", () => {
    say("one");
    vi.advanceTimersByTime(cardPaceMs);
    card.showAgain();
    card.end(done);
    expect(kept.map(({ sessionUpdate, status }) => [sessionUpdate, status])).toEqual([
      ["tool_call", "pending"],
      ["tool_call_update", "completed"],
    ]);
    expect(kept).toEqual([sent[0], sent.at(-1)]);
  });

  test("is not sent again as it is", () => {
    say("one");
    vi.advanceTimersByTime(cardPaceMs);
    const before = sent.length;
    card.touch();
    vi.advanceTimersByTime(10 * cardPaceMs);
    card.touch();
    vi.advanceTimersByTime(10 * cardPaceMs);
    expect(sent).toHaveLength(before);
  });

  test("leaves no timer when it ends, and its end waits for nothing", () => {
    say("one");
    card.end(done);
    expect(sent.at(-1)).toMatchObject({ sessionUpdate: "tool_call_update", status: "completed" });
    expect(JSON.stringify(sent.at(-1))).toContain("done in 1 s\\n\\n> one");
    expect(vi.getTimerCount()).toBe(0);
    say("two");
    card.end(done);
    expect(sent).toHaveLength(2);
  });

  test("that is dropped says nothing more", () => {
    say("one");
    card.drop();
    vi.advanceTimersByTime(10 * cardPaceMs);
    expect(sent).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
