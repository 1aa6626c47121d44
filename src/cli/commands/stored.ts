/**
 * Reaching what is stored: through the daemon that runs, which may have more than is on the disk; else in the store itself, with
 * the same answers. No daemon is started to look into a file.
 */
import { stateDirectory } from "../../base/paths.ts";
import { daemonUnreachable } from "../../control/errors.ts";
import type { ControlMethods } from "../../control/methods.ts";
import { openControl } from "../reach.ts";
import { tell } from "../terminal.ts";

type StoredMethod = "sessions" | "session" | "session_messages" | "delete_session";

export interface StoredDoor extends Disposable {
  request<Method extends StoredMethod>(
    method: Method,
    params: ControlMethods[Method]["params"],
  ): Promise<ControlMethods[Method]["result"]>;
}

/** Rejects with the errors of a configuration that has to be read and cannot be. */
export async function openStored(place: {
  socket: string | undefined;
  config: string | undefined;
}): Promise<StoredDoor> {
  try {
    return await openControl(place);
  } catch (error) {
    if (!daemonUnreachable.matches(error)) throw error;
  }
  const { openOffline } = await import("../../daemon/offline.ts");
  const offline = openOffline({
    stateDirectory: stateDirectory(),
    onWarning: (message) => void tell(`crucible: ${message}\n`),
  });
  return {
    request: (method, params) => offline[method](params as never),
    [Symbol.dispose]: () => offline[Symbol.dispose](),
  };
}
