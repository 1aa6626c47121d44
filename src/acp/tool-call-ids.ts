/**
 * Tool calls of several agents in one session of an editor: each agent numbers its own, so that their ids have to be kept apart
 * (ACP, "Tool Calls": an id is unique within the session).
 */
import { isRecord } from "./wire.ts";

/** The params of a `session/update` or `session/request_permission` with `prefix` before the tool call's id; others unchanged. */
export function withToolCallPrefix(params: unknown, prefix: string): unknown {
  if (!isRecord(params)) return params;
  for (const field of ["update", "toolCall"]) {
    const holder = params[field];
    if (!isRecord(holder) || typeof holder["toolCallId"] !== "string") continue;
    return { ...params, [field]: { ...holder, toolCallId: `${prefix}:${holder["toolCallId"]}` } };
  }
  return params;
}
