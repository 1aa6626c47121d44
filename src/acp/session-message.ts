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
const beginning = '{"jsonrpc":';

/**
 * Puts the id `to` in place of `from` in lines. Gives undefined for a line where that one does not stand exactly once, as a session
 * id, or where anything is written in escapes, so that there could be doubt which it is; and for one that does not begin as a
 * message does: at its other end, some beginnings are words of the daemon's own (control/hello.ts).
 */
export function lineRenamer(from: string, to: string): (line: string) => string | undefined {
  const [before, after] = [JSON.stringify(from), JSON.stringify(to)];
  return (line) => {
    const at = line.indexOf(before);
    const end = at + before.length;
    const isField = at >= idField.length && line.startsWith(idField, at - idField.length);
    if (!isField || !line.startsWith(beginning) || line.includes(before, end) || line.includes("\\u")) return undefined;
    return line.slice(0, at) + after + line.slice(end);
  };
}
