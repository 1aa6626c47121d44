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
