/**
 * The mark that every process of a tree inherits through its environment, so that it is found again whatever it did to its
 * parent, group or session. A daemon that itself runs below an agent passes the outer mark on in front of its own: who ends
 * the outer tree ends the inner one too.
 */
export const markerVariable = "CRUCIBLE_PROCESS";

const separator = ":";

/** The variable for a new tree, given the environment the daemon itself runs in. */
export function markedEnvironment(id: string, own: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const outer = own[markerVariable];
  return { [markerVariable]: outer ? `${outer}${separator}${id}` : id };
}

/** The ids in a raw environment block (`NAME=value` entries ended by NUL bytes), as in /proc/PID/environ. */
export function markersIn(environmentBlock: string): string[] {
  const start = `${markerVariable}=`;
  for (const entry of environmentBlock.split("\0")) {
    if (entry.startsWith(start)) return entry.slice(start.length).split(separator);
  }
  return [];
}
