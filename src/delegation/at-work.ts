/**
 * A child speaks and acts while it works for somebody. What its agent says or asks after its task has ended, in a process that
 * rests or is about to end, is heard by nobody and allowed by nobody.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { RpcError, rpcCodes } from "../acp/wire.ts";
import type { Session } from "../sessions/session.ts";
import type { Delegations } from "./delegations.ts";

/** The tap of a child session, next to its agent; none for other sessions. */
export function atWork(session: Session, delegations: Delegations): Interceptor[] {
  if (session.origin !== "delegation") return [];
  const isAtWork = (): boolean => delegations.ofChild(session) !== undefined;
  return [
    {
      name: "at work",
      agentRequest: (request, next) => (isAtWork() ? next(request) : Promise.reject(taskIsOver())),
      agentNotification(notification, next) {
        if (isAtWork()) next(notification);
      },
    },
  ];
}

function taskIsOver(): RpcError {
  return new RpcError({ code: rpcCodes.invalidRequest, message: "the task of this session has ended" });
}
