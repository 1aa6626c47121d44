/** The tool `list_delegations`: what this session has delegated, for a caller that forgot. */
import { z } from "zod";
import { listText } from "../result-text.ts";
import { defineTool } from "../tool.ts";

export const listDelegations = defineTool({
  name: "list_delegations",
  title: "List your delegations",
  describe: () => "List the delegations you made in this conversation, with their ids and how they stand.",
  input: z.strictObject({}),

  async run(_input, { session }, { delegations }) {
    const results = delegations.list(session);
    return {
      content: [{ type: "text", text: listText(results) }],
      structuredContent: { delegations: results.map(({ result: _result, ...facts }) => facts) },
    };
  },
});
