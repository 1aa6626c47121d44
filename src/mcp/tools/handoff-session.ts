/** The tool `handoff_session`: another agent goes on with the conversation itself, in the place of the one that calls. */
import { z } from "zod";
import { defineTool } from "../tool.ts";

export const handoffSession = defineTool({
  name: "handoff_session",
  title: "Hand the conversation over to another agent",

  describe(session, { handoffs }) {
    const { profiles, former } = handoffs.targets(session);
    const lines = profiles.map(({ name, description }) => `- ${name}${description ? `: ${description}` : ""}`);
    return [
      "Let another agent go on with this conversation in your place: it answers the user itself, in the same window.",
      "Use it when the user should talk to that agent: they ask for it, or it is the specialist for what they want and may have to",
      "ask them things. To have a piece of work done and go on yourself with the result, delegate instead.",
      "The agent takes over when your turn ends, so end it right after this call and do not begin the work yourself.",
      "Agents you can hand over to:",
      ...lines,
      ...former.map((name) => `- ${name}: had the conversation before you; gets it back and goes on where it was`),
    ].join("\n");
  },

  input: z.strictObject({
    agent: z.string().min(1).describe("Name of the agent that takes over."),
    message: z
      .string()
      .min(1)
      .describe(
        "A note to that agent, as to a colleague: what the user wants, what is done, what matters. The user sees its beginning.",
      ),
    new_session: z
      .boolean()
      .nullish()
      .describe("true: it starts without the conversation so far and knows only your note. Default false."),
    return_after: z
      .boolean()
      .nullish()
      .describe(
        "true (default): you have the conversation again after its answer, and are told what it said. false: it keeps it.",
      ),
  }),

  async run({ agent, message, new_session: newSession, return_after: returnAfter }, { session }, { handoffs }) {
    const accepted = handoffs.accept(session, {
      agent,
      message,
      newSession: newSession ?? false,
      returnAfter: returnAfter ?? undefined,
    });
    const next = accepted.returnAfter
      ? "After its answer you have the conversation again, and hear with the user's next message what it said."
      : "It keeps the conversation.";
    const how = accepted.isBack ? "goes on where it was" : "takes over";
    const text = `Accepted: ${accepted.agent} ${how} when your turn ends. End your turn now. ${next}`;
    return { content: [{ type: "text", text }], structuredContent: { status: "accepted", agent: accepted.agent } };
  },
});
