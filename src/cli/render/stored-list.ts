/** Stored sessions as a table, one line each. */
import { oneLine } from "../../base/text.ts";
import type { StoredSession } from "../../control/stored.ts";
import { formatTime } from "./clock.ts";
import type { Style } from "./style.ts";
import { tableLines, type Cell } from "./table.ts";

const maxTitleLength = 50;
const maxFoundLength = 120;

export function storedListText(sessions: readonly StoredSession[], style: Style): string {
  const isSearch = sessions.some(({ found }) => found !== undefined);
  const headings = [
    "ID",
    "WHEN",
    "AGENT",
    "STATE",
    "DELEGATIONS",
    "TITLE",
    "DIRECTORY",
    ...(isSearch ? ["FOUND"] : []),
  ];
  const rows = sessions.map((session): Cell[] => [
    { text: oneLine(session.id, maxTitleLength), paint: style.bold },
    { text: formatTime(session.updatedAt) },
    { text: oneLine(session.agent, maxTitleLength) },
    { text: session.state, paint: session.state === "ended" ? style.dim : style.good },
    { text: session.delegations === 0 ? "" : String(session.delegations) },
    { text: oneLine(session.title, maxTitleLength) || `(${session.origin})` },
    { text: oneLine(session.cwd, maxFoundLength), paint: style.dim },
    ...(isSearch ? [{ text: oneLine(session.found ?? "", maxFoundLength), paint: style.dim }] : []),
  ]);
  return `${tableLines([headings.map((text) => ({ text, paint: style.dim })), ...rows]).join("\n")}\n`;
}
