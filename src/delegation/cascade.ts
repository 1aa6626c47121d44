/**
 * Cancelling a session's turn cancels what it had delegated, at once and not by way of the agent, which may never pass it on
 * (ACP, "Cancellation"; some agents do not tell their MCP servers).
 */
import type { Interceptor } from "../acp/interceptor.ts";
import type { Session } from "../sessions/session.ts";
import type { Delegations } from "./delegations.ts";

export function cascade(session: Session, delegations: Delegations): Interceptor {
  return {
    name: "cascade",
    clientNotification(notification, next) {
      next(notification);
      if (notification.method === "session/cancel")
        delegations.cancelChildrenOf(session, "the caller's turn was cancelled");
    },
  };
}
