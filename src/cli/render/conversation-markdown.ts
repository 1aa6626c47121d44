/**
 * A stored conversation as Markdown, message by message: what was asked, what was said, what was thought and done. A tool call
 * stands where it began, with what it came to by the end of its turn. What agents wrote is text, and stays text.
 */
import { messageText, toolOutput } from "../../acp/content-text.ts";
import { isRecord } from "../../acp/wire.ts";
import { oneLine, plainText } from "../../base/text.ts";
import type { StoredDelegation, StoredDetail, StoredMessage } from "../../control/stored.ts";
import { formatTime } from "./clock.ts";
import { sandboxWords } from "./sandbox-words.ts";

const maxTitle = 200;
const maxLine = 1000;

interface Tool {
  title: string;
  kind: string;
  status: string;
  output: string;
}

type Part = { kind: "said" | "thought" | "note"; text: string } | { kind: "tool"; tool: Tool };

export interface ConversationMarkdown {
  begin(): string;
  /** What can be written after a message; it may be nothing until its turn is over. */
  add(message: StoredMessage): string;
  end(): string;
}

export function conversationMarkdown({ session, delegation }: StoredDetail): ConversationMarkdown {
  let parts: Part[] = [];
  const tools = new Map<unknown, Tool>();

  function closeTurn(): string {
    const text = parts.map(partText).join("");
    parts = [];
    tools.clear();
    return text;
  }

  function say(kind: "said" | "thought" | "note", text: string): void {
    const last = parts.at(-1);
    if (last?.kind === kind && kind !== "note") last.text += text;
    else parts.push({ kind, text });
  }

  function use(update: Record<string, unknown>): void {
    const id = update["toolCallId"];
    const tool = tools.get(id) ?? { title: "a tool", kind: "other", status: "", output: "" };
    if (!tools.has(id)) parts.push({ kind: "tool", tool });
    tools.set(id, tool);
    for (const field of ["title", "kind", "status"] as const) {
      const value = update[field];
      if (typeof value === "string") tool[field] = value;
    }
    tool.output = toolOutput(update) ?? tool.output;
  }

  return {
    begin() {
      const title = oneLine(session?.title || delegation?.title || "A conversation", maxTitle);
      const facts = session
        ? [
            `- session \`${oneLine(session.id, maxTitle)}\` with ${oneLine(session.agent, maxTitle)}`,
            `- in \`${oneLine(session.cwd, maxTitle)}\``,
            `- from ${formatTime(session.createdAt)}${session.endedAt === null ? "" : ` to ${formatTime(session.endedAt)}`}`,
            ...(session.sandbox ? [`- sandbox: ${oneLine(sandboxWords(session.sandbox), maxLine)}`] : []),
          ]
        : [];
      return `# ${title}\n\n${facts.join("\n")}\n`;
    },

    add({ at, from, method, params }) {
      const fields = isRecord(params) ? params : {};
      if (method === "session/prompt" && from === "client") {
        return `${closeTurn()}\n## You, ${formatTime(at)}\n\n${plainText(messageText(method, params))}\n\n## ${oneLine(session?.agent ?? "Agent", maxTitle)}\n`;
      }
      if (method === "session/prompt") {
        if ("error" in fields) say("note", `The turn failed: ${String(fields["error"])}`);
        return closeTurn();
      }
      if (method === "session/request_permission") {
        if (from === "agent") say("note", `Asked for permission: ${oneLine(messageText(method, params), maxTitle)}`);
        else say("note", `Answered: ${outcomeText(fields["answer"])}`);
      }
      if (method === "session/cancel") say("note", "The turn was cancelled.");
      if (method === "crucible/dropped") say("note", `${String(fields["messages"])} messages could not be kept here.`);
      // Cards of delegations, which stand at the end.
      if (from === "crucible") return "";
      const update = isRecord(fields["update"]) ? fields["update"] : {};
      switch (update["sessionUpdate"]) {
        case "user_message_chunk":
          return `${closeTurn()}\n## You\n\n${plainText(messageText(method, params))}\n`;
        case "agent_message_chunk":
          say("said", messageText(method, params));
          break;
        case "agent_thought_chunk":
          say("thought", messageText(method, params));
          break;
        case "tool_call":
        case "tool_call_update":
          use(update);
          break;
      }
      return "";
    },

    end() {
      const below = session?.delegationTree ?? [];
      const list = below.flatMap((one) => delegationLines(one, "")).join("\n");
      return `${closeTurn()}${list === "" ? "" : `\n## Delegations\n\n${list}\n`}`;
    },
  };
}

function partText(part: Part): string {
  if (part.kind === "tool") return toolText(part.tool);
  const text = plainText(part.text).trim();
  if (text === "") return "";
  if (part.kind === "said") return `\n${text}\n`;
  if (part.kind === "note") return `\n*${text}*\n`;
  return `\n${text.replace(/^/gm, "> ")}\n`;
}

function toolText({ title, kind, status, output }: Tool): string {
  const line = `\n- **${oneLine(title, maxTitle)}** (${[oneLine(kind, maxTitle), oneLine(status, maxTitle)].filter(Boolean).join(", ")})\n`;
  const text = plainText(output).trimEnd();
  if (text === "") return line;
  // A fence longer than any in the text, so that the text cannot end it.
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${line}\n  ${fence}\n${text.replace(/^/gm, "  ")}\n  ${fence}\n`;
}

function outcomeText(answer: unknown): string {
  const outcome = isRecord(answer) && isRecord(answer["outcome"]) ? answer["outcome"] : {};
  const chosen = [outcome["optionId"], outcome["outcome"], "nothing"].find((one) => typeof one === "string");
  return oneLine(String(chosen), maxTitle);
}

function delegationLines({ id, agent, title, status, delegations }: StoredDelegation, indent: string): string[] {
  const line = `${indent}- **${oneLine(title, maxTitle)}** by ${oneLine(agent, maxTitle)}: ${oneLine(status, maxTitle)} (\`${oneLine(id, maxTitle)}\`)`;
  return [line, ...delegations.flatMap((below) => delegationLines(below, `${indent}  `))];
}
