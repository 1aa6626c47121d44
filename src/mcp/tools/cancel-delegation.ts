/** The tool `cancel_delegation`: ends a running delegation. */
import { z } from "zod";
import { defineTool } from "../tool.ts";

export const cancelDelegation = defineTool({
  name: "cancel_delegation",
  title: "Cancel a delegation",
  describe: () => "End a delegation of yours that is still running. What it has said until then can be read.",
  input: z.strictObject({ id: z.string().min(1).describe("Its delegation_id.") }),

  async run({ id }, { session }, { delegations }) {
    const { live } = delegations.find(session, id);
    live?.cancel("its caller cancelled it");
    await live?.ended;
    const { status } = delegations.resultOf(session, id);
    const text = live ? `The delegation has ended: ${status}.` : `It had ended before: ${status}.`;
    return { content: [{ type: "text", text }], structuredContent: { id, status } };
  },
});
