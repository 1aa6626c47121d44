/**
 * Messages of a session under another id than the one its agent gave it: those that name the session alone, as nearly all do, and
 * those between it and the agent's own subagents (`session_message` updates, draft "Subagent Sessions"), which name two.
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

const idField = '"sessionId":';

/**
 * The line with the id `to` in place of `from`, if that one stands in it exactly once, as a session id, and nothing is written in
 * escapes, so that there is no doubt which it is; else undefined.
 */
export function lineUnder(to: string, line: string, from: string): string | undefined {
  const quoted = JSON.stringify(from);
  const at = line.indexOf(quoted);
  const after = at + quoted.length;
  const isField = at >= idField.length && line.startsWith(idField, at - idField.length);
  if (!isField || line.includes(quoted, after) || line.includes("\\u")) return undefined;
  return `${line.slice(0, at)}${JSON.stringify(to)}${line.slice(after)}`;
}
