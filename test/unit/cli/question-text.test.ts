/** A question that is longer than a person reads. */
import { expect, test } from "vitest";
import { maxQuestionLines, questionText } from "../../../src/cli/render/question-text.ts";
import { styleFor } from "../../../src/cli/render/style.ts";

const plain = styleFor({ isTTY: false });
const lines = (count: number): string => Array.from({ length: count }, (_, index) => `line ${index}`).join("\n");

test.each([
  ["a command", { kind: "execute", rawInput: { command: lines(maxQuestionLines + 3) } }, ""],
  ["a change", { kind: "edit", content: [{ type: "diff", path: "/a", newText: lines(maxQuestionLines + 3) }] }, "+ "],
])("of %s so many lines are shown, and the number of those left out", (_, toolCall, mark) => {
  const text = questionText({ toolCall }, plain);
  expect(text).toContain(`line ${maxQuestionLines - 1}\n`);
  expect(text).not.toContain(`line ${maxQuestionLines}\n`);
  expect(text).toContain(`${mark}… and 3 lines more\n`);
});
