/**
 * Collects what a child says and does during its turn, bounded, and answers what its final message was: what it said after its
 * last tool call, else what it said before. Also tells in one line what the child is doing now.
 */
import { noUsage, usageAfter, usageAfterTurn } from "../acp/usage.ts";
import { isRecord } from "../acp/wire.ts";
import type { DelegationUsage } from "../base/delegation.ts";
import { oneLine } from "../base/text.ts";

/** Text of a child kept in memory, in characters; the oldest goes first, and the reader is told. */
export const maxReplyCharacters = 16 * 1024 * 1024;

/** Tool calls of a turn whose titles are known; a later update of one before them counts as a new call. */
export const maxTitledToolCalls = 1000;

const maxTitleCharacters = 100;

export class Reply {
  /** Text since the last tool call. */
  #current = "";
  /** The last text before it that was not empty. */
  #earlier = "";
  #droppedCharacters = 0;
  #toolTitles = new Map<string, string>();
  #toolCalls = 0;
  #usage: DelegationUsage = noUsage;
  #activity = "starting";

  get toolCalls(): number {
    return this.#toolCalls;
  }

  /** Tokens in the child's context and cost so far, as last reported (ACP, usage update); null if it never did. */
  get usage(): DelegationUsage {
    return this.#usage;
  }

  get activity(): string {
    return this.#activity;
  }

  /** Whether it said or did anything at all. */
  get hasWorked(): boolean {
    return this.#toolCalls > 0 || this.text !== "";
  }

  /** A new turn: what was said before is not the answer to it. */
  turnStarted(): void {
    this.#current = "";
    this.#earlier = "";
    this.#toolTitles.clear();
    this.#activity = "at work";
  }

  /** What the child said last; empty if nothing. */
  get text(): string {
    const text = this.#current.trim() === "" ? this.#earlier : this.#current;
    if (this.#droppedCharacters === 0) return text.trim();
    return `[the first ${this.#droppedCharacters} characters were too many to keep]\n${text.trim()}`;
  }

  /** Takes one `session/update` notification. True when `activity` changed. */
  update(params: unknown): boolean {
    const update = isRecord(params) ? params["update"] : undefined;
    if (!isRecord(update)) return false;
    switch (update["sessionUpdate"]) {
      case "agent_message_chunk":
        return this.#said(update["content"]);
      case "agent_thought_chunk":
        return this.#is("thinking");
      case "tool_call":
      case "tool_call_update":
        return this.#used(update);
      case "usage_update":
        this.#usage = usageAfter(update, this.#usage);
        return false;
      default:
        return false;
    }
  }

  /** The turn ended; its answer may carry the whole turn's token count, which counts more than an update's. */
  finished(answer: unknown): void {
    this.#usage = usageAfterTurn(answer, this.#usage);
  }

  #said(content: unknown): boolean {
    if (!isRecord(content) || typeof content["text"] !== "string") return false;
    this.#current += content["text"];
    // Cut in large steps: cutting copies the whole text.
    if (this.#current.length > maxReplyCharacters * 1.25) {
      const excess = this.#current.length - maxReplyCharacters;
      this.#current = this.#current.slice(excess);
      this.#droppedCharacters += excess;
    }
    return this.#is("writing its answer");
  }

  // Updates may come without a tool_call before them; the first one with an unknown id is the call.
  #used(update: Record<string, unknown>): boolean {
    const id = String(update["toolCallId"]);
    const isNew = !this.#toolTitles.has(id);
    const title = typeof update["title"] === "string" ? oneLine(update["title"], maxTitleCharacters) : undefined;
    if (isNew) {
      this.#toolCalls++;
      if (this.#current.trim() !== "") this.#earlier = this.#current;
      this.#current = "";
    }
    if (title !== undefined || isNew) this.#toolTitles.set(id, title ?? "a tool");
    if (this.#toolTitles.size > maxTitledToolCalls) {
      const [oldest] = this.#toolTitles.keys();
      this.#toolTitles.delete(oldest!);
    }
    return this.#is(this.#toolTitles.get(id) ?? "a tool");
  }

  #is(activity: string): boolean {
    if (this.#activity === activity) return false;
    this.#activity = activity;
    return true;
  }
}
