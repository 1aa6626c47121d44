/** Errors of the command line itself. */
import { defineError } from "../base/errors.ts";

export const usageError = defineError(
  "CRU_USAGE",
  "usage",
  "The command line has an unknown command or option, or a value is missing or wrong.",
);
export const daemonStart = defineError(
  "CRU_DAEMON_START",
  "daemonUnreachable",
  "The daemon was started in the background, but did not come up.",
);
export const daemonStop = defineError(
  "CRU_DAEMON_STOP",
  "daemonUnreachable",
  "The daemon was asked to end, but still runs.",
);
export const outputFailed = defineError(
  "CRU_OUTPUT_FAILED",
  "bug",
  "What was asked for cannot be written to the standard output, for example because the disk is full.",
);
export const connectionBroken = defineError(
  "CRU_DAEMON_CONNECTION",
  "daemonUnreachable",
  "The connection between an editor's `crucible acp`, or an agent's `crucible mcp`, and the daemon broke.",
);
export const daemonLost = defineError(
  "CRU_DAEMON_LOST",
  "daemonUnreachable",
  "The daemon ended, or was ended, before it had answered a request of an editor or an MCP client.",
);
export const daemonAway = defineError(
  "CRU_DAEMON_AWAY",
  "daemonUnreachable",
  "An editor or an MCP client said more while there was no daemon than its `crucible acp` or `crucible mcp` keeps for the next one.",
);
