/**
 * Messages between an agent's session and its own subagents (`session_message` updates, draft "Subagent Sessions"): they name
 * sender and recipient by session ids, of which an editor knows some under another name.
 */
import { isRecord } from "./wire.ts";

/** The same params with known ids replaced; the params themselves when there is nothing to replace. */
export function translateSessionMessage(params: unknown, translate: (id: string) => string | undefined): unknown {
  const update = isRecord(params) ? params["update"] : undefined;
  if (!isRecord(params) || !isRecord(update) || update["sessionUpdate"] !== "session_message") return params;
  const translated: Record<string, unknown> = { ...update };
  for (const field of ["senderSessionId", "recipientSessionId"]) {
    const id = update[field];
    if (typeof id === "string") translated[field] = translate(id) ?? id;
  }
  return { ...params, update: translated };
}
