/** What an editor was shown of delegations, read off the wire in the order in which it came. */
import type { AcpClient, Message, SessionUpdate } from "../support/acp-client.ts";

/** A `subagent_update` (draft "Subagent Sessions"), and where in the stream it stands. */
export interface Announcement {
  /** Position among all messages received. */
  at: number;
  /** Under which session it came: the immediate parent's. */
  parent: string;
  sessionId: string;
  title?: string;
  description?: string;
  capabilities?: Record<string, unknown> | null;
  state?: { state: string; stopReason?: string; error?: { code: number; message: string } };
  cwd?: string;
}

/** One state of a card, the parts that were sent. */
export interface CardUpdate {
  at: number;
  session: string;
  kind: "tool_call" | "tool_call_update";
  id: string;
  title?: string;
  status?: string;
  text: string;
}

function updates({ received }: AcpClient): { at: number; params: SessionUpdate }[] {
  return received.flatMap((message, at) =>
    message.method === "session/update" ? [{ at, params: message.params as unknown as SessionUpdate }] : [],
  );
}

export function announcements(editor: AcpClient): Announcement[] {
  return updates(editor).flatMap(({ at, params: { sessionId, update } }) =>
    update.sessionUpdate === "subagent_update"
      ? [{ ...(update as unknown as Announcement), at, parent: sessionId }]
      : [],
  );
}

/** The updates under a child's own id. */
export function updatesOf(editor: AcpClient, child: string): { at: number; update: SessionUpdate["update"] }[] {
  return updates(editor).flatMap(({ at, params }) =>
    params.sessionId === child && params.update.sessionUpdate !== "subagent_update"
      ? [{ at, update: params.update }]
      : [],
  );
}

export function cards(editor: AcpClient): CardUpdate[] {
  return updates(editor).flatMap(({ at, params: { sessionId, update } }) => {
    const id = typeof update["toolCallId"] === "string" ? update["toolCallId"] : "";
    if (!id.startsWith("crucible:")) return [];
    const content = (update.content ?? []) as unknown as { content: { text: string } }[];
    return [
      {
        at,
        session: sessionId,
        kind: update.sessionUpdate as CardUpdate["kind"],
        id,
        title: update["title"] as string,
        status: update["status"] as string,
        text: content.map((one) => one.content.text).join(""),
      },
    ];
  });
}

/** Position of the answer to a request. */
export function answerAt({ received }: AcpClient, id: Message["id"]): number {
  return received.findIndex((message) => message.method === undefined && message.id === id);
}

/** Whether a state ends a child's work. */
export function isLast({ state }: Announcement): boolean {
  return state?.state === "idle" || state?.state === "unknown";
}
