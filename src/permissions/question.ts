/**
 * A child's permission question as its root's editor is asked it (ACP, "Requesting Permission"): with who asks, and in words that say
 * what is decided upon, whatever the child's agent calls it.
 */
import { isRecord } from "../acp/wire.ts";
import { oneLine, plainText } from "../base/text.ts";
import type { Session } from "../sessions/session.ts";
import { ownOptions } from "./answers.ts";

/** Of a command that a title does not name. */
const maxCommandInTitle = 500;

export interface Attributed {
  asker: Session;
  /** The command lines that are decided upon. */
  commands?: readonly string[];
}

/** The same question, saying which agent asks and for which task. The tool call gets an id no other session uses. */
export function attributed(params: unknown, { asker, commands = [] }: Attributed): Record<string, unknown> {
  const question = isRecord(params) ? params : {};
  const toolCall = isRecord(question["toolCall"]) ? question["toolCall"] : {};
  const title = typeof toolCall["title"] === "string" && toolCall["title"] !== "" ? toolCall["title"] : "use a tool";
  return {
    ...question,
    toolCall: {
      ...toolCall,
      toolCallId: `${asker.id}:${typeof toolCall["toolCallId"] === "string" ? toolCall["toolCallId"] : ""}`,
      title: plainText(
        `${asker.profile.name} asks (${asker.title}): ${[title, ...unnamed(commands, title)].join(": ")}`,
      ),
    },
    ...(Array.isArray(question["options"]) ? { options: inOwnWords(question["options"].filter(isRecord)) } : {}),
    _meta: {
      ...(isRecord(question["_meta"]) ? question["_meta"] : {}),
      crucible: { agent: asker.profile.name, task: asker.title, depth: asker.depth, sessionId: asker.id },
    },
  };
}

function unnamed(commands: readonly string[], title: string): string[] {
  const words = (text: string): string => text.replace(/\s+/g, " ").trim();
  return commands.filter((one) => !words(title).includes(words(one))).map((one) => oneLine(one, maxCommandInTitle));
}

/** What each comes to here, in place of its agent's name for it, which stands behind where there are several of one kind. */
function inOwnWords(options: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  return options.map((option) => {
    const own = ownOptions.find(({ kind }) => kind === option["kind"])?.name ?? "Neither allow nor reject";
    const isOnly = options.filter(({ kind }) => kind === option["kind"]).length === 1;
    return { ...option, name: isOnly ? own : `${own}: ${plainText(String(option["name"]))}` };
  });
}

export function questionTitle(question: Record<string, unknown>): string {
  const { toolCall } = question;
  return isRecord(toolCall) && typeof toolCall["title"] === "string" ? toolCall["title"] : "";
}
