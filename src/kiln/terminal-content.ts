/**
 * Tool calls of a child that show a terminal of its own (ACP, "Tool Calls", content of type `terminal`). No editor knows these
 * terminals: in their place stands what they have printed so far, and which they were stands in `_meta`.
 */
import type { Notification } from "../acp/interceptor.ts";
import { isRecord } from "../acp/wire.ts";

/** The same notification if no known terminal is in it. `shown` gives a terminal's text. */
export function withoutTerminals(
  notification: Notification,
  shown: (terminalId: string) => string | undefined,
): Notification {
  const { params } = notification;
  const update = isRecord(params) ? params["update"] : undefined;
  if (!isRecord(params) || !isRecord(update) || !Array.isArray(update["content"])) return notification;
  const terminals: string[] = [];
  const content = (update["content"] as unknown[]).map((item) => {
    const id = isRecord(item) && item["type"] === "terminal" ? String(item["terminalId"]) : undefined;
    const text = id === undefined ? undefined : shown(id);
    if (id === undefined || text === undefined) return item;
    terminals.push(id);
    return { type: "content", content: { type: "text", text } };
  });
  if (terminals.length === 0) return notification;
  const meta = isRecord(update["_meta"]) ? update["_meta"] : {};
  const crucible = isRecord(meta["crucible"]) ? meta["crucible"] : {};
  const _meta = { ...meta, crucible: { ...crucible, terminals } };
  return { method: notification.method, params: { ...params, update: { ...update, content, _meta } } };
}
