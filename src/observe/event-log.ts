/** Events as log lines: which level, which words, which fields. A table, so that one can read what is logged. */
import { messageOf } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import type { LogLevel } from "../config/config.ts";
import type { Bus, Events } from "./bus.ts";
import { Lineage } from "./lineage.ts";
import type { Log } from "./logger.ts";

type Rendering = { [Name in keyof Events]: (event: Events[Name]) => [level: LogLevel, message: string] };

const renderings: Rendering = {
  "agent.started": ({ profile, milliseconds, sandbox, strength }) => [
    "info",
    `agent ${profile} started in ${milliseconds} ms, sandbox ${sandbox} (${strength})`,
  ],
  "agent.ended": ({ profile, code, signal, expected }) => [
    expected ? "info" : "warn",
    `agent ${profile} ended ${signal ? `by ${signal}` : `with code ${code}`}${expected ? "" : ", unexpectedly"}`,
  ],
  "agent.failed": ({ profile, message }) => ["warn", `agent ${profile} failed to start: ${message}`],
  "agent.stray": ({ profile, line }) => ["debug", `agent ${profile} wrote a line that is not JSON-RPC: ${line}`],
  "agent.stderr": ({ profile, line }) => ["debug", `agent ${profile} on stderr: ${line}`],
  "editor.connected": ({ agent }) => ["info", `an editor connected for ${agent}`],
  "editor.closed": ({ sessions }) => ["info", `an editor went away, with ${sessions} sessions`],
  "session.opened": ({ profile }) => ["info", `session opened on ${profile}`],
  "session.ended": ({ reason }) => ["info", `session ended: ${reason}`],
  "session.setting_ignored": ({ setting, value, why }) => ["warn", `${setting} ${value} was not set: ${why}`],
  "turn.started": ({ profile }) => ["debug", `prompt given to ${profile}`],
  "turn.ended": ({ profile, durationMs, stopReason, code }) => [
    "debug",
    `turn of ${profile} ended after ${durationMs} ms: ${code ?? oneLine(String(stopReason), 100)}`,
  ],
  "session.handed_over": ({ from, agent }) => ["info", `conversation handed over from ${from} to ${agent}`],
  "delegation.progress": (event) => [
    progressLevel(event),
    `delegation to ${event.agent} (${event.title}) ${progressWords(event)}`,
  ],
  "delegation.refused": ({ agent, message }) => [
    "info",
    `delegation${agent === null ? "" : ` to ${agent}`} refused: ${oneLine(message, 300)}`,
  ],
  "kiln.hard_links": ({ directory, own, words }) => [
    own > 0 ? "warn" : "info",
    `hard links lead out of the kiln ${directory}: ${words}`,
  ],
  "permission.asked": ({ title }) => ["info", `permission asked: ${title}`],
  "permission.answered": ({ title, outcome }) => ["info", `permission answered: ${title}: ${outcome}`],
  "permission.decided": ({ agent, kind, subject, title, decision, decidedBy }) => [
    "info",
    `permission ${decision}: ${agent}, ${kind} ${subject || title} (${decidedBy})`,
  ],
  "config.reloaded": ({ changed }) => ["info", `configuration reloaded, changed: ${changed.join(", ") || "nothing"}`],
  "config.rejected": ({ message }) => ["error", `configuration not reloaded, the old one stays: ${message}`],
  bug: ({ where, error }) => ["error", `unexpected error in ${where}: ${messageOf(error)}`],
  warning: ({ where, message }) => ["warn", `${where}: ${message}`],
};

type Progress = Pick<Events["delegation.progress"], "kind" | "status" | "line">;

/** One that failed is what an operator looks for; that somebody cancelled it, or that its agent declined, is not. */
function progressLevel({ kind, status }: Progress): LogLevel {
  if (kind === "activity") return "trace";
  return status === "failed" || status === "timed_out" || status === "lost" ? "warn" : "info";
}

/** What the line says of a beginning, the title has said. */
function progressWords({ kind, status, line }: Progress): string {
  if (kind === "activity") return `at work: ${line}`;
  return kind === "ended" ? `${status?.replaceAll("_", " ")}: ${line}` : kind;
}

/** Names of all events that are logged, which are all. */
export const loggedEvents = Object.keys(renderings) as readonly (keyof Events)[];

/** Writes every event of the bus to the log, those about a session with the ids of its tree and its delegation. */
export function logEvents(bus: Bus, log: Log): void {
  const lineage = new Lineage();
  for (const name of loggedEvents) {
    bus.on(name, (event) => {
      lineage.learn(name, event);
      const [level, message] = (renderings[name] as (event: unknown) => [LogLevel, string])(event);
      const { error, line: _line, message: _message, ...fields } = event as Record<string, unknown>;
      const stack = error instanceof Error ? { stack: error.stack } : {};
      log.write(level, message, { event: name, ...lineage.of(event), ...fields, ...stack });
      lineage.forget(name, event);
    });
  }
}
