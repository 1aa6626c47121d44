/** Questions are counted, so that of two that are the same each has to be answered. */
import { expect, test } from "vitest";
import { OpenQuestions } from "../../../src/delegation/open-questions.ts";

const question = { sessionId: "ses_1", title: "rm -rf build" };

test("the same question twice is open until it was answered twice", () => {
  const open = new OpenQuestions();
  open.asked(question);
  open.asked({ ...question });
  expect([open.answered(question), open.answered(question), open.answered(question)]).toEqual([true, true, false]);
});

test("one that was never asked was not open, nor was that of another session", () => {
  const open = new OpenQuestions();
  open.asked(question);
  expect(open.answered({ ...question, sessionId: "ses_2" })).toBe(false);
  expect(open.answered({ ...question, title: "ls" })).toBe(false);
});
