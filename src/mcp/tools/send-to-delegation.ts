/** The tool `send_to_delegation`: a further message for a child that is still at work. */
import { z } from "zod";
import { maxWaitingMessages } from "../../delegation/child-messages.ts";
import type { DelegationRecord } from "../../sessions/records.ts";
import { defineTool } from "../tool.ts";

const tooMany = `${maxWaitingMessages} messages wait for it already; wait until it has read some`;

function hasEnded({ childSessionId: id }: DelegationRecord): string {
  return id === null ? "it has ended" : `it has ended; go on with it by delegate_session with session_id "${id}"`;
}

export const sendToDelegation = defineTool({
  name: "send_to_delegation",
  title: "Send a message to a running delegation",
  describe: () =>
    "Give an agent that still works for you a further message. It reads it when its present turn ends, and answers it then.",
  input: z.strictObject({
    id: z.string().min(1).describe("The delegation_id."),
    message: z.string().min(1).describe("What to tell it."),
  }),

  async run({ id, message }, { session }, { delegations }) {
    const { record, live } = delegations.find(session, id);
    const outcome = live?.send(message) ?? "over";
    if (outcome === "taken") {
      const text = `${record.agent} gets the message when its present turn ends.`;
      return { content: [{ type: "text", text }], structuredContent: { id, delivered: "next_turn" } };
    }
    const reason = outcome === "full" ? tooMany : hasEnded(record);
    return {
      content: [{ type: "text", text: `The message was not delivered: ${reason}.` }],
      structuredContent: { id, delivered: "no", reason },
    };
  },
});
