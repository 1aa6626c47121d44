/** Errors of starting and running the daemon. */
import { defineError } from "../base/errors.ts";

export const alreadyRunning = defineError(
  "CRU_DAEMON_RUNNING",
  "daemonUnreachable",
  "Another daemon serves the same socket.",
);
export const socketUnusable = defineError(
  "CRU_SOCKET_UNUSABLE",
  "daemonUnreachable",
  "The socket cannot be created where it should be.",
);
export const folderUnsafe = defineError(
  "CRU_FOLDER_UNSAFE",
  "daemonUnreachable",
  "A folder for the socket or the state can be changed by another user.",
);
export const folderUnusable = defineError(
  "CRU_FOLDER_UNUSABLE",
  "daemonUnreachable",
  "The state folder, or that for temporary files, cannot be made or written.",
);
export const socketKeyRequired = defineError(
  "CRU_SOCKET_KEY",
  "refused",
  "A caller on the daemon's socket did not show the key that lies beside it, as an agent in a sandbox cannot.",
);
export const noDefaultAgent = defineError(
  "CRU_AGENT_UNDECIDED",
  "usage",
  "No agent was named, none is the default, and not exactly one built-in agent is installed.",
);
export const agentUnknown = defineError(
  "CRU_AGENT_UNKNOWN",
  "usage",
  "No agent profile has the name that was asked for.",
);
export const invalidControl = defineError(
  "CRU_CONTROL_INVALID",
  "usage",
  "A request on the control door has parameters of the wrong shape.",
);
export const authMethodUnknown = defineError(
  "CRU_AUTH_METHOD_UNKNOWN",
  "usage",
  "The agent offers no login in a terminal of that name.",
);
export const sessionTaken = defineError(
  "CRU_SESSION_TAKEN",
  "refused",
  "An MCP client named an id for its session that is none, or is that of a session of another kind.",
);
export const doorClosed = defineError(
  "CRU_DOOR_CLOSED",
  "refused",
  "A door of the daemon was asked for on the socket that leads to the tools of sessions only.",
);
export const tokenUnknown = defineError(
  "CRU_TOKEN_UNKNOWN",
  "refused",
  "The token that was shown does not stand for a live session.",
);
