/** Errors of reaching the daemon. */
import { defineError } from "../base/errors.ts";

export const daemonUnreachable = defineError(
  "CRU_DAEMON_UNREACHABLE",
  "daemonUnreachable",
  "No daemon answers on the socket, or the connection broke.",
);

export const daemonVersion = defineError(
  "CRU_DAEMON_VERSION",
  "daemonUnreachable",
  "The daemon that runs speaks another version of the socket protocol than this program.",
);

export const daemonSilent = defineError(
  "CRU_DAEMON_SILENT",
  "daemonUnreachable",
  "A daemon takes connections and does not answer: it is suspended, or hangs.",
);
