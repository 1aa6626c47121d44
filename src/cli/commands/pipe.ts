/** What `acp` and `mcp` have in common: reach the daemon, open a door, carry bytes, and tell the caller if that fails. */
import { exitCodes } from "../../base/errors.ts";
import { openDoor } from "../../control/door.ts";
import type { Hello } from "../../control/hello.ts";
import { bridge, pipeOutput } from "../bridge.ts";
import { reachDaemon, type DaemonPlace } from "../reach.ts";
import { tell } from "../terminal.ts";

export interface PipeRequest {
  hello: Hello;
  /** May have to look into the configuration, which may be wrong. */
  place: () => Promise<DaemonPlace>;
}

/** Resolves to the exit code, when either side has ended. */
export async function runPipe(request: PipeRequest): Promise<number> {
  const caller = { input: process.stdin, output: pipeOutput() };
  let socket;
  try {
    const place = await request.place();
    socket = await reachDaemon(place, () => openDoor(place.socketPath, request.hello));
  } catch (error) {
    const { refuseCaller } = await import("../refused-caller.ts");
    return refuseCaller(error, caller);
  }
  const { endedBy, error } = await bridge({ socket, ...caller });
  if (error) {
    const { reportError } = await import("../exit.ts");
    const { connectionBroken } = await import("../errors.ts");
    return reportError(connectionBroken.create(`the connection to the daemon broke: ${error.message}`));
  }
  // The editor keeps this line in its log of the agent, where people look when a conversation stops.
  if (endedBy === "daemon") await tell("crucible: the daemon has closed the connection\n");
  return exitCodes.ok;
}
