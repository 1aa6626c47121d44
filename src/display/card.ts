/**
 * One delegation as a tool call of its root's conversation, for editors that know no child sessions: made when the delegation is
 * accepted, changed while the child works, ended with it. Quiet: it changes at most once a second, and never to what it is
 * already. Only its end does not wait, since the turn it belongs to may end right after.
 */
import { monotonicMs } from "../base/clock.ts";
import type { ChildActivity } from "./child-activity.ts";
import type { Outcome } from "./outcome.ts";

/** Shortest time between two changes of one card, in milliseconds. */
export const cardPaceMs = 1000;

export interface CardInit {
  /** Unique in the root's conversation. */
  toolCallId: string;
  title: string;
  activity: ChildActivity;
  /** For machines: which delegation this is. */
  meta: Record<string, unknown>;
  /** Sends the `update` of a `session/update` on the root's session. */
  send: (update: Record<string, unknown>) => void;
  /** Stores such an `update`, for whoever opens the conversation later: how the card began, and how it ended. */
  keep: (update: Record<string, unknown>) => void;
}

export type CardStatus = "pending" | "in_progress" | "completed" | "failed";

export class Card {
  readonly #init: CardInit;
  #title: string;
  #status: CardStatus;
  #note: string;
  #shown: string;
  #sentAt: number;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Shows it. `note` = what is to be said until the child has said something itself. */
  constructor(init: CardInit, { status, note }: { status: "pending" | "in_progress"; note: string }) {
    this.#init = init;
    this.#title = init.title;
    this.#status = status;
    this.#note = note;
    this.#shown = this.#face();
    this.#sentAt = monotonicMs();
    init.send(this.#opening());
    init.keep(this.#opening());
  }

  /** To an editor that does not know it. */
  showAgain(): void {
    if (!this.#closed) this.#init.send(this.#opening());
  }

  /** The child goes on: another title, another stage. */
  stage({ title, status, note }: { title: string; status: "pending" | "in_progress"; note: string }): void {
    this.#title = title;
    this.#status = status;
    this.#note = note;
    this.touch();
  }

  /** What it shows may have changed. */
  touch(): void {
    if (this.#closed || this.#timer) return;
    const waitMs = this.#sentAt + cardPaceMs - monotonicMs();
    if (waitMs <= 0) return this.#send();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, waitMs);
    this.#timer.unref();
  }

  end({ kind, line }: Outcome): void {
    if (this.#closed) return;
    this.#status = kind === "completed" ? "completed" : "failed";
    this.#note = line;
    this.#send();
    this.#init.keep(this.#change());
    this.drop();
  }

  /** Nobody looks at it any more. */
  drop(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #opening(): Record<string, unknown> {
    return { ...this.#change(), sessionUpdate: "tool_call", kind: "other", _meta: this.#init.meta };
  }

  #change(): Record<string, unknown> {
    const { toolCallId } = this.#init;
    const [title, status, content] = [this.#title, this.#status, this.#content()];
    return { sessionUpdate: "tool_call_update", toolCallId, title, status, content };
  }

  #send(): void {
    const face = this.#face();
    if (face === this.#shown) return;
    this.#shown = face;
    this.#sentAt = monotonicMs();
    this.#init.send(this.#change());
  }

  #face(): string {
    return JSON.stringify([this.#title, this.#status, this.#content()]);
  }

  #content(): unknown[] {
    const isOver = this.#status === "completed" || this.#status === "failed";
    const activity = this.#init.activity.render();
    // How it ended stands above what it did; what it is about to do is of interest only until it does something.
    const text = isOver ? [this.#note, activity].filter((part) => part !== "").join("\n\n") : activity || this.#note;
    return [{ type: "content", content: { type: "text", text } }];
  }
}
