/** What an agent that has a conversation costs its tree. */
import { expect, test } from "vitest";
import { Speaker } from "../../../src/delegation/speaker.ts";

test("the tokens of a turn count, also those that only the answer to its prompt tells of", () => {
  const speaker = new Speaker("worker");
  speaker.turnBegins();
  speaker.turnEnds({ stopReason: "end_turn", usage: { totalTokens: 1200 } });
  expect(speaker.spending.usage.tokens).toBe(1200);

  speaker.turnBegins();
  speaker.turnEnds(undefined);
  expect(speaker.spending.usage.tokens).toBe(1200);
});
