/**
 * A permission question as lines for a person at a terminal: who asks, for which task, and what exactly. All of it is what an agent
 * says, so nothing in it commands the terminal, and what is left out is said.
 */
import { isRecord } from "../../acp/wire.ts";
import { oneLine, plainText } from "../../base/text.ts";
import type { Style } from "./style.ts";

/** Lines of a command or a change that are shown; of more, the number is told. */
export const maxQuestionLines = 15;

/** Characters of one such line. */
const maxLineCharacters = 500;

export function questionText(params: Record<string, unknown>, style: Style): string {
  const call = recordIn(params, "toolCall");
  const who = recordIn(recordIn(params, "_meta"), "crucible");
  const task = oneLine(textIn(who, "task"), 80);
  const depth = typeof who["depth"] === "number" ? `, depth ${who["depth"]}` : "";
  const head = `${style.warn("?")} ${style.bold(oneLine(textIn(who, "agent"), 64) || "an agent")} asks (${task}${depth})`;
  const what = [...commandLines(call), ...pathLines(call), ...changeLines(call, style)];
  const title = oneLine(textIn(call, "title").replace(/^.*? asks \(.*?\): /, ""), 200);
  const kind = oneLine(textIn(call, "kind") || "other", 20);
  const body = what.length > 0 ? what : [title];
  return [
    head,
    ...body.map((line, index) => `  ${style.dim(`${(index === 0 ? kind : "").padEnd(8)}|`)} ${line}`),
    "",
  ].join("\n");
}

function commandLines(call: Record<string, unknown>): string[] {
  const input = recordIn(call, "rawInput");
  const command = input["command"] ?? input["cmd"];
  const text = Array.isArray(command) ? command.map(String).join(" ") : command;
  return typeof text === "string" && text !== "" ? shortened(text.split("\n")) : [];
}

function pathLines(call: Record<string, unknown>): string[] {
  const locations = Array.isArray(call["locations"]) ? call["locations"].filter(isRecord) : [];
  const diffs = changesIn(call).map(({ path }) => path);
  const paths = [...locations.map(({ path }) => path), ...diffs].filter((path) => typeof path === "string");
  return shortened([...new Set(paths)].map((path) => oneLine(path, maxLineCharacters)));
}

function changesIn(call: Record<string, unknown>): Record<string, unknown>[] {
  const content = Array.isArray(call["content"]) ? call["content"].filter(isRecord) : [];
  return content.filter(({ type }) => type === "diff");
}

/** What a change takes away and what it adds, without what stays the same at its ends. */
function changeLines(call: Record<string, unknown>, style: Style): string[] {
  return changesIn(call).flatMap((change) => {
    const before = textIn(change, "oldText").split("\n");
    const after = textIn(change, "newText").split("\n");
    let start = 0;
    while (start < before.length && start < after.length && before[start] === after[start]) start++;
    let end = 0;
    while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end))
      end++;
    const removed = before.slice(start, before.length - end).filter((line, _, all) => all.length > 1 || line !== "");
    const added = after.slice(start, after.length - end);
    return [
      ...shortened(removed).map((line) => style.bad(`- ${line}`)),
      ...shortened(added).map((line) => style.good(`+ ${line}`)),
    ];
  });
}

function shortened(lines: readonly string[]): string[] {
  const shown = lines.slice(0, maxQuestionLines).map((line) => {
    const plain = plainText(line).replace(/\t/g, "  ");
    const more = plain.length - maxLineCharacters;
    return more > 0 ? `${plain.slice(0, maxLineCharacters)} … and ${more} characters more` : plain;
  });
  const left = lines.length - shown.length;
  return left > 0 ? [...shown, `… and ${left} ${left === 1 ? "line" : "lines"} more`] : shown;
}

function textIn(value: Record<string, unknown>, name: string): string {
  return typeof value[name] === "string" ? value[name] : "";
}

function recordIn(value: Record<string, unknown>, name: string): Record<string, unknown> {
  const member = value[name];
  return isRecord(member) ? member : {};
}
