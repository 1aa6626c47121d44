/**
 * An MCP client's side of a bridge. Its session has the same id in each daemon, so that what it delegated before can be read there;
 * nothing else of it has to be taken up. Messages are few, so that each can be looked at.
 */
import { daemonLost } from "../errors.ts";
import { messageLine } from "./daemon-line.ts";
import type { Dialect } from "./dialect.ts";
import { messageIn } from "./ledger.ts";
import { eachLine } from "./whole-lines.ts";

export const mcpDialect: Dialect = {
  sift: (lines, keep) => [...eachLine(lines)].filter(keep),

  headOf(line) {
    const { id, method } = messageIn(line) ?? {};
    return id === undefined ? undefined : { id: JSON.stringify(id), kind: method === undefined ? "answer" : "request" };
  },

  lost({ method }) {
    if (method !== "tools/call") {
      return daemonLost.create(`the daemon was restarted before it had answered ${method}`, { hint: "try it again" });
    }
    return daemonLost.create(
      "the daemon was restarted before it had answered this call; what was delegated by it may be unfinished",
      {
        hint: "call list_delegations, which names what you delegated and how it stands, and read_delegation for what there is of a result; delegate again what is lost",
      },
    );
  },

  withdrawal: (requestId) => ({ method: "notifications/cancelled", params: { requestId } }),

  async introduce(daemon, { introduction }) {
    await daemon.ask("initialize", introduction?.params);
    daemon.send(messageLine({ method: "notifications/initialized" }));
    return "what was delegated before can be read";
  },
};
