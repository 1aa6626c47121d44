/** One entry of the log as a line for people: when, how severe, what, and whom it is about. */
import { plainText } from "../../base/text.ts";
import type { LogEntry } from "../../observe/log-file.ts";
import type { Style } from "./style.ts";

export function logText(entry: LogEntry, style: Style): string {
  const { time, level, message } = entry;
  const paint = { trace: style.dim, debug: style.dim, info: style.good, warn: style.warn, error: style.bad };
  const parts = [
    style.dim(timeText(time)),
    level ? paint[level](level.padEnd(5)) : "     ",
    // A line of its own would look like another entry.
    plainText(message).trimEnd().replaceAll("\n", "\n    "),
    style.dim(idsText(entry)),
  ];
  return `${parts.join("  ").trimEnd()}\n`;
}

/** `2026-11-21 13:20:14.123` where the reader is. */
function timeText(time: string | undefined): string {
  const at = new Date(time ?? Number.NaN);
  if (Number.isNaN(at.getTime())) return " ".repeat(23);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().replace("T", " ").slice(0, 23);
}

function idsText({ fields }: LogEntry): string {
  const { sessionId, rootId, delegationId } = fields;
  const ids = [sessionId, rootId === sessionId ? undefined : rootId, delegationId];
  return ids
    .filter((id): id is string => typeof id === "string")
    .map(plainText)
    .join(" ");
}
