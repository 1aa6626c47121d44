/** What the editor of the root is shown when a child asks. */
import { expect, test } from "vitest";
import { attributed } from "../../../src/permissions/question.ts";
import type { Session } from "../../../src/sessions/session.ts";

const asker = { id: "ses_1", profile: { name: "child" }, title: "Fix it", depth: 1 } as unknown as Session;

test("a title cannot show another command than it names: what reorders or overwrites text is taken out", () => {
  const title = "rm -rf ~ \u202ehsup tig\u2066 \u001b[2K\rgit push\u0007";
  const { toolCall } = attributed({ toolCall: { toolCallId: "1", title } }, asker) as { toolCall: { title: string } };
  expect(toolCall.title).toBe("child asks (Fix it): rm -rf ~ hsup tig [2Kgit push");
});
