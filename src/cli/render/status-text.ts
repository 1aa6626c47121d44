/** The facts of `crucible status` as lines for people. */
import { formatBytes, formatDuration, plainText } from "../../base/text.ts";
import { readAgain } from "../../config/change.ts";
import type { DaemonStatus } from "../../control/methods.ts";
import type { Style } from "./style.ts";
import { tableLines } from "./table.ts";

export function statusText(status: DaemonStatus, { now, style }: { now: number; style: Style }): string {
  const { delegations, relayed } = status;
  const facts: [name: string, value: string][] = [
    ["version", status.version],
    ["pid", String(status.pid)],
    ["running for", formatDuration(status.uptimeMs)],
    ["socket", `unix:${status.socket}`],
    ["config", status.configFile ?? "none; the built-in profiles serve"],
    ...changeFact(status),
    ["state folder", status.stateDirectory],
    ["log", status.logFile],
    ["tools for agents", status.mcpUrl ?? "not asked for yet"],
    ["tracing", tracingText(status)],
    ["editors", String(status.editors)],
    ["sessions", String(status.sessions)],
    ["agents", String(status.agents)],
    ["delegations", `${delegations.running} running, ${delegations.queued} waiting`],
    ["ended", endedText(status)],
    ["questions", status.questions === 0 ? "none" : `${status.questions} waiting for an answer`],
    ["relayed", `${amountText(relayed.fromAgents)} from agents, ${amountText(relayed.toAgents)} to agents`],
    ["store", storeText(status, now)],
    ["memory", formatBytes(status.residentBytes)],
    ["limits", status.limits.map(({ name, used, most }) => `${name} ${used} of ${most}`).join(", ")],
  ];
  return `${tableLines(facts.map(([name, value]) => [{ text: name, paint: style.dim }, { text: value }])).join("\n")}\n`;
}

function changeFact({ configChange, pid }: DaemonStatus): [name: string, value: string][] {
  return configChange ? [["CHANGED", `${configChange}: ${readAgain(pid)}`]] : [];
}

function endedText({ ended }: DaemonStatus): string {
  const parts = Object.entries(ended).filter(([, count]) => count > 0);
  return parts.map(([how, count]) => `${count} ${how.replaceAll("_", " ")}`).join(", ") || "none yet";
}

function amountText({ messages, bytes }: DaemonStatus["relayed"]["fromAgents"]): string {
  return `${messages} ${messages === 1 ? "message" : "messages"} (${formatBytes(bytes)})`;
}

function tracingText({ tracing }: DaemonStatus): string {
  if (!tracing) return "off";
  const { endpoint, trouble } = tracing;
  return plainText(`to ${endpoint}${trouble === null ? "" : `, and the last spans did NOT arrive: ${trouble}`}`);
}

function storeText({ store }: DaemonStatus, now: number): string {
  const lost = store.lost > 0 ? `; ${store.lost} records were too many for memory and are lost` : "";
  if (store.degradedSince === null) return `kept${lost}`;
  const since = formatDuration(now - store.degradedSince);
  return `DEGRADED for ${since}, kept in memory only: ${plainText(store.reason ?? "")}${lost}`;
}
