/** A stored conversation as its turns: what was asked, how often tools were used, what was said last, how it ended. */
import { messageText } from "../acp/content-text.ts";
import { isRecord } from "../acp/wire.ts";
import { oneLine } from "../base/text.ts";
import type { StoredTurn } from "../control/stored.ts";
import type { RelayedMessage } from "../sessions/records.ts";
import { isShownNote } from "../sessions/shown-notes.ts";

/** Turns of a session that are shown; of earlier ones only their number is told. */
export const maxTurnsShown = 1000;

const wordsLength = 120;

/** Makes turns of the messages of a conversation. */
export class Turns {
  messages = 0;
  dropped = 0;
  readonly shown: StoredTurn[] = [];
  #toolCalls = new Set<unknown>();

  heard({ number, at, from, method, params }: RelayedMessage): void {
    this.messages++;
    if (isShownNote({ from, method })) return;
    const answer = isRecord(params) ? params["answer"] : undefined;
    const update = isRecord(params) && isRecord(params["update"]) ? params["update"] : {};
    const kind = update["sessionUpdate"];
    if (method === "session/prompt" && from === "client") {
      this.#begin({ number, at, prompt: oneLine(messageText(method, params), wordsLength) });
    } else if (kind === "user_message_chunk") {
      this.#begin({ number, at, prompt: oneLine(messageText(method, params), wordsLength) });
    }
    const turn = this.shown.at(-1);
    if (!turn) return;
    if (method === "session/prompt" && from === "agent") turn.stopReason = stopReasonOf(answer);
    // What comes behind the end of a turn, such as that the agent has died since, is no answer to it.
    else if (kind === "agent_message_chunk" && turn.stopReason === null)
      turn.answer = oneLine(messageText(method, params), wordsLength) || turn.answer;
    else if ("toolCallId" in update) {
      this.#toolCalls.add(update["toolCallId"]);
      turn.toolCalls = this.#toolCalls.size;
    }
  }

  #begin(turn: Pick<StoredTurn, "number" | "at" | "prompt">): void {
    this.#toolCalls = new Set();
    this.shown.push({ ...turn, answer: "", toolCalls: 0, stopReason: null });
    if (this.shown.length <= maxTurnsShown) return;
    this.shown.shift();
    this.dropped++;
  }
}

function stopReasonOf(answer: unknown): string {
  return isRecord(answer) && typeof answer["stopReason"] === "string" ? answer["stopReason"] : "failed";
}
