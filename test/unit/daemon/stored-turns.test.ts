/** A very long conversation as it is shown. */
import { expect, test } from "vitest";
import { maxTurnsShown, Turns } from "../../../src/daemon/stored-turns.ts";

test("of very many turns the last are shown, and the number of those before", () => {
  const turns = new Turns();
  for (let number = 0; number < maxTurnsShown + 5; number++) {
    const prompt = [{ type: "text", text: `question ${number}` }];
    turns.heard({ number, sessionId: "s", at: number, from: "client", method: "session/prompt", params: { prompt } });
  }
  expect(turns.shown).toHaveLength(maxTurnsShown);
  expect(turns.shown[0]).toMatchObject({ number: 5, prompt: "question 5" });
  expect(turns).toMatchObject({ messages: maxTurnsShown + 5, dropped: 5 });
});

test("what is said behind the end of a turn is not taken for its answer", () => {
  const turns = new Turns();
  const heard = (from: "client" | "agent", method: string, params: unknown): void =>
    turns.heard({ number: 1, sessionId: "s", at: 1, from, method, params });
  const say = (text: string): void =>
    heard("agent", "session/update", {
      update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } },
    });
  heard("client", "session/prompt", { prompt: [{ type: "text", text: "question" }] });
  say("answer");
  heard("agent", "session/prompt", { answer: { stopReason: "end_turn" } });
  say("— agent claude was ended by SIGKILL; your next message starts it again —");
  expect(turns.shown).toEqual([expect.objectContaining({ answer: "answer", stopReason: "end_turn" })]);
});
