/** What the editor of the root is shown when a child asks. */
import { expect, test } from "vitest";
import { isGranted, onceInstead, withdrawn } from "../../../src/permissions/answers.ts";
import { attributed } from "../../../src/permissions/question.ts";
import type { Session } from "../../../src/sessions/session.ts";

const asker = { id: "ses_1", profile: { name: "child" }, title: "Fix it", depth: 1 } as unknown as Session;

test("a title cannot show another command than it names: what reorders or overwrites text is taken out", () => {
  const title = "rm -rf ~ \u202ehsup tig\u2066 \u001b[2K\rgit push\u0007";
  const { toolCall } = attributed({ toolCall: { toolCallId: "1", title } }, { asker }) as {
    toolCall: { title: string };
  };
  expect(toolCall.title).toBe("child asks (Fix it): rm -rf ~ hsup tig [2Kgit push");
});

test("a title that names another command than is decided upon is followed by that one", () => {
  const titleOf = (title: string, commands: string[]): unknown =>
    (attributed({ toolCall: { title } }, { asker, commands })["toolCall"] as { title: string }).title;
  expect(titleOf("List files", ["rm -rf \n x"])).toBe("child asks (Fix it): List files: rm -rf x");
  expect(titleOf("Run `npm  test`", ["npm test"])).toBe("child asks (Fix it): Run `npm  test`");
});

test("an answer is called what it comes to, whatever the child's agent calls it", () => {
  const options = [
    { optionId: "a", name: "Reject", kind: "allow_once" },
    { optionId: "b", name: "Yes, and \u202eedit all", kind: "allow_always" },
    { optionId: "c", name: "Yes, always", kind: "allow_always" },
    { optionId: "d", name: "Allow", kind: "reject_once" },
    { optionId: "e", name: "Allow", kind: "allow_everything" },
  ];
  const asked = attributed({ toolCall: {}, options }, { asker });
  expect((asked["options"] as { name: string }[]).map(({ name }) => name)).toEqual([
    "Allow",
    "Always allow this in this session: Yes, and edit all",
    "Always allow this in this session: Yes, always",
    "Reject",
    "Neither allow nor reject",
  ]);
  const chosen = { outcome: { outcome: "selected", optionId: "e" } };
  expect(isGranted({ options }, chosen)).toBe(false);
  expect(onceInstead({ options }, chosen)).toEqual(withdrawn);
});
