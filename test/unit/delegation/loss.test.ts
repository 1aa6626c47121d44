/** What is kept of a delegation whose daemon died. */
import { expect, test } from "vitest";
import { lost } from "../../../src/delegation/loss.ts";
import type { DelegationRecord, RelayedMessage, Sender } from "../../../src/sessions/records.ts";

const record = (status: DelegationRecord["status"]): DelegationRecord => ({
  ...{ id: "del_1", callerSessionId: "s", childSessionId: "c", agent: "worker", title: "t", task: "t", status },
  ...{ result: "", stopReason: null, error: null, tried: [], notes: [], artifacts: [], createdAt: 1, endedAt: null },
  usage: { tokens: null, cost: null },
});

const message = (from: Sender, method: string, params: unknown): RelayedMessage => ({
  ...{ sessionId: "c", number: 1, at: 1, from, method, params },
});
const updated = (update: object): RelayedMessage => message("agent", "session/update", { update });
const said = (text: string): RelayedMessage =>
  updated({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
const prompted = message("client", "session/prompt", { prompt: [] });

test("one at work keeps what its child has said in that turn, as far as it was written down", () => {
  const earlier = [prompted, said("of an earlier task"), message("agent", "session/prompt", { answer: {} })];
  const conversation = [...earlier, prompted, said("half"), said("way")];
  expect(lost(record("running"), conversation)).toMatchObject({ status: "lost", result: "halfway", error: null });
  const worked = [...conversation, updated({ sessionUpdate: "tool_call", toolCallId: "t" })];
  expect(lost(record("running"), worked).result).toBe("halfway");
  expect(lost(record("running"), [...earlier, prompted]).result).toBe("");
});

test("one that waited for its place is known to have done nothing", () => {
  expect(lost(record("queued"), [])).toMatchObject({
    status: "lost",
    result: "",
    error: { code: "CRU_DELEGATION_LOST", message: expect.stringContaining("nothing of it was done") },
  });
});
