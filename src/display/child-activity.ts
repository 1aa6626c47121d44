/**
 * What a child is at, gathered from its updates in a few bounded fields and written down as Markdown when somebody wants to
 * see it: its plan, its last tool calls, its last words. Taking an update in costs next to nothing; writing it down is for the
 * reader's pace.
 */
import { isRecord } from "../acp/wire.ts";
import { oneLine, plainText } from "../base/text.ts";

/** Tool calls shown; those before are counted. */
export const maxToolCallsShown = 5;

/** Tool calls kept, since any of them may still change. */
export const maxToolCallsKept = 200;

/** Entries of a plan shown; those after are counted. */
export const maxPlanEntries = 12;

/** Last words shown, in characters. */
export const maxWordCharacters = 400;

const maxTitleCharacters = 100;

interface ToolCall {
  title: string;
  status: string;
}

const marks: Readonly<Record<string, string>> = {
  completed: "✓",
  failed: "✗",
  in_progress: "▸",
  pending: "·",
};

export class ChildActivity {
  #plan: { content: string; status: string }[] = [];
  /** The last ones, oldest first. */
  readonly #toolCalls = new Map<string, ToolCall>();
  #forgottenToolCalls = 0;
  #words = "";
  #question = "";

  get toolCallCount(): number {
    return this.#forgottenToolCalls + this.#toolCalls.size;
  }

  /** Takes the params of one `session/update`. False if nothing that is shown can have changed. */
  update(params: unknown): boolean {
    const update = isRecord(params) ? params["update"] : undefined;
    if (!isRecord(update)) return false;
    switch (update["sessionUpdate"]) {
      case "plan":
        return this.#planned(update["entries"]);
      case "tool_call":
      case "tool_call_update":
        return this.#used(update);
      case "agent_message_chunk":
        return this.#said(update["content"]);
      default:
        return false;
    }
  }

  /** It waits for the user's answer to this question; undefined when it does not any more. */
  asks(question: string | undefined): void {
    this.#question = question ?? "";
  }

  /** As Markdown; empty if there is nothing to show. */
  render(): string {
    const parts = [this.#renderQuestion(), this.#renderPlan(), this.#renderToolCalls(), this.#renderWords()];
    return parts.filter((part) => part !== "").join("\n\n");
  }

  #planned(entries: unknown): boolean {
    const list = Array.isArray(entries) ? entries.filter(isRecord) : [];
    this.#plan = list.map(({ content, status }) => ({ content: text(content), status: text(status) }));
    return true;
  }

  #used(update: Record<string, unknown>): boolean {
    const id = text(update["toolCallId"]);
    const known = this.#toolCalls.get(id);
    // What was said before a tool call was about the work, not its end.
    if (!known) this.#words = "";
    this.#toolCalls.set(id, {
      title: oneLine(text(update["title"]), maxTitleCharacters) || known?.title || "a tool",
      status: text(update["status"]) || known?.status || "pending",
    });
    if (this.#toolCalls.size > maxToolCallsKept) {
      const [oldest] = this.#toolCalls.keys();
      this.#toolCalls.delete(oldest!);
      this.#forgottenToolCalls++;
    }
    return true;
  }

  #said(content: unknown): boolean {
    const said = isRecord(content) ? text(content["text"]) : "";
    if (said === "") return false;
    // Twice as much is kept as is shown, so that most chunks cost no copy.
    this.#words += said;
    if (this.#words.length > 4 * maxWordCharacters) this.#words = this.#words.slice(-2 * maxWordCharacters);
    return true;
  }

  #renderQuestion(): string {
    return this.#question === "" ? "" : `Waits for your answer: ${oneLine(this.#question, maxTitleCharacters)}`;
  }

  #renderPlan(): string {
    const shown = this.#plan.slice(0, maxPlanEntries);
    const lines = shown.map(({ content, status }) => `- ${mark(status)} ${oneLine(content, maxTitleCharacters)}`);
    const left = this.#plan.length - shown.length;
    if (left > 0) lines.push(`- … ${left} more`);
    return lines.length === 0 ? "" : ["Plan:", ...lines].join("\n");
  }

  #renderToolCalls(): string {
    const shown = [...this.#toolCalls.values()].slice(-maxToolCallsShown);
    const lines = shown.map(({ title, status }) => `- ${mark(status)} ${title}`);
    const before = this.toolCallCount - shown.length;
    const earlier = before > 0 ? ` (${before} before)` : "";
    return lines.length === 0 ? "" : [`Tool calls${earlier}:`, ...lines].join("\n");
  }

  #renderWords(): string {
    const words = Array.from(plainText(this.#words).trim());
    if (words.length === 0) return "";
    const shown = words.length > maxWordCharacters ? `… ${words.slice(-maxWordCharacters).join("")}` : words.join("");
    return shown.replace(/^/gm, "> ");
  }
}

function mark(status: string): string {
  return marks[status] ?? "·";
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
