/**
 * The tap that writes a conversation down as it is relayed: prompts and their answers, what the agent says, permission
 * questions and what was answered; and what it tells of itself: its title, what it has used. It only listens. Settings of the
 * editor are written down too, but nothing that may carry a secret of the user's, as `session/new` does.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { promptText } from "../acp/content-text.ts";
import { noUsage, usageAfter, usageAfterTurn } from "../acp/usage.ts";
import { isRecord } from "../acp/wire.ts";
import type { DelegationUsage } from "../base/delegation.ts";
import { messageOf } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import type { Sender, Store } from "./records.ts";
import { newsOnly } from "./replay.ts";
import type { Session } from "./session.ts";

/** Longest title of a session, in characters. */
export const maxSessionTitle = 100;

export function recorder(session: Session, store: Store): Interceptor {
  const isNews = newsOnly(session, () => store.messagesOf(session.id, { limit: 1 }).length > 0);
  let title: string | undefined;
  let usage: DelegationUsage = noUsage;

  function record(from: Sender, method: string, message: { params: unknown; line?: string | undefined }): void {
    const { params, line } = message;
    store.appendMessage({ sessionId: session.id, at: Date.now(), from, method, params, line });
  }

  /** What became of a request, from the side that had to answer it. */
  async function recordAnswer<T>(from: Sender, method: string, answering: Promise<T>): Promise<T> {
    try {
      const answer = await answering;
      record(from, method, { params: { answer } });
      return answer;
    } catch (error) {
      record(from, method, { params: { error: messageOf(error) } });
      throw error;
    }
  }

  function save(): void {
    store.updateSession(session.id, {
      ...(title === undefined ? {} : { title }),
      ...(usage === noUsage ? {} : { usage }),
      updatedAt: Date.now(),
    });
  }

  /** What the agent tells of the session itself (ACP, "Session info update", "Usage update"). */
  function learn(params: unknown): void {
    const update = isRecord(params) ? params["update"] : undefined;
    if (!isRecord(update)) return;
    if (update["sessionUpdate"] === "usage_update") usage = usageAfter(update, usage);
    if (update["sessionUpdate"] === "session_info_update" && typeof update["title"] === "string") {
      title = oneLine(update["title"], maxSessionTitle);
      // It may come long after the turn it is about.
      if (session.state !== "working") save();
    }
  }

  return {
    name: "recorder",

    async clientRequest(request, next) {
      const { method, params } = request;
      if (method !== "session/prompt") {
        const answer = await next(request);
        // One that the agent refused has set nothing.
        if (method.startsWith("session/set_")) record("client", method, { params });
        return answer;
      }
      record("client", method, { params });
      if (title === undefined) {
        title = store.findSession(session.id)?.title || oneLine(promptText(params), maxSessionTitle);
        save();
      }
      try {
        const answer = await recordAnswer("agent", method, next(request));
        usage = usageAfterTurn(answer, usage);
        return answer;
      } finally {
        save();
        // Whoever is told that a turn is over finds it again, also if the daemon is killed at that moment.
        store.writeMessages(session.id);
      }
    },

    clientNotification(notification, next) {
      if (notification.method === "session/cancel") record("client", notification.method, notification);
      next(notification);
    },

    agentRequest(request, next) {
      if (request.method !== "session/request_permission") return next(request);
      record("agent", request.method, { params: request.params });
      return recordAnswer("client", request.method, next(request));
    },

    agentNotification(notification, next) {
      if (notification.method === "session/update" && isNews()) {
        record("agent", notification.method, notification);
        learn(notification.params);
      }
      next(notification);
    },
  };
}
