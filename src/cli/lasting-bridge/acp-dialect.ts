/** An editor's side of a bridge: ACP. Its sessions are opened again by another daemon as they were opened (docs/design/bridge-remembers.md). */
import { asRestoring } from "../../acp/restoring.ts";
import { RpcError } from "../../acp/wire.ts";
import { daemonLost } from "../errors.ts";
import type { DaemonLine } from "./daemon-line.ts";
import type { Dialect, TellCaller } from "./dialect.ts";
import type { OpenSession } from "./ledger.ts";
import { headOf, sift } from "./sift.ts";

export const acpDialect: Dialect = {
  sift,
  headOf,

  lost({ method }) {
    if (method !== "session/prompt") {
      return daemonLost.create(`the daemon was restarted before it had answered ${method}`, { hint: "try it again" });
    }
    return daemonLost.create("the daemon was restarted; what the agent was doing is unknown", {
      hint: "send your message again",
    });
  },

  withdrawal: (requestId) => ({ method: "$/cancel_request", params: { requestId } }),

  async introduce(daemon, { introduction, sessions }, tell) {
    await daemon.ask("initialize", introduction?.params);
    await Promise.all(sessions.map((session) => restore(session, daemon, tell)));
    return `sessions opened again: ${sessions.length}`;
  },
};

async function restore({ sessionId, params }: OpenSession, daemon: DaemonLine, tell: TellCaller): Promise<void> {
  try {
    await daemon.ask("session/resume", asRestoring(sessionId, params));
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const text = `\n\n— this conversation could not be opened again: ${error.message} —\n\n`;
    const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text } };
    tell({ method: "session/update", params: { sessionId, update } });
  }
}
