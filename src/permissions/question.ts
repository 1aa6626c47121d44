/** A child's permission question in the words of its root's editor (ACP, "Requesting Permission"). */
import { isRecord } from "../acp/wire.ts";
import { plainText } from "../base/text.ts";
import type { Session } from "../sessions/session.ts";

/** The same question, saying which agent asks and for which task. The tool call gets an id no other session uses. */
export function attributed(params: unknown, asker: Session): Record<string, unknown> {
  const question = isRecord(params) ? params : {};
  const toolCall = isRecord(question["toolCall"]) ? question["toolCall"] : {};
  const title = typeof toolCall["title"] === "string" && toolCall["title"] !== "" ? toolCall["title"] : "use a tool";
  return {
    ...question,
    toolCall: {
      ...toolCall,
      toolCallId: `${asker.id}:${typeof toolCall["toolCallId"] === "string" ? toolCall["toolCallId"] : ""}`,
      title: plainText(`${asker.profile.name} asks (${asker.title}): ${title}`),
    },
    _meta: {
      ...(isRecord(question["_meta"]) ? question["_meta"] : {}),
      crucible: { agent: asker.profile.name, task: asker.title, depth: asker.depth, sessionId: asker.id },
    },
  };
}

export function questionTitle(question: Record<string, unknown>): string {
  const { toolCall } = question;
  return isRecord(toolCall) && typeof toolCall["title"] === "string" ? toolCall["title"] : "";
}
