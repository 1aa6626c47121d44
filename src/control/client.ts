/**
 * The command line's side of the control door: connects to the daemon's socket, asks, and closes.
 */
import { Link } from "../acp/link.ts";
import { RpcError } from "../acp/wire.ts";
import { openDoor } from "./door.ts";
import { daemonUnreachable } from "./errors.ts";
import type { ControlMethods, ControlNotifications } from "./methods.ts";

export interface ControlClient extends Disposable {
  request<Method extends keyof ControlMethods>(
    method: Method,
    params: ControlMethods[Method]["params"],
    options?: { signal?: AbortSignal },
  ): Promise<ControlMethods[Method]["result"]>;
  /** Settles when the daemon closed the connection. */
  readonly closed: Promise<void>;
}

/**
 * Opens the control door. `onProgress` hears the notifications of a `delegate` request. Errors of the daemon come back as
 * `RpcError` with `data: { code, hint }`.
 */
export async function connectControl(
  socketPath: string,
  onProgress: (progress: ControlNotifications["progress"]) => void = () => {},
): Promise<ControlClient> {
  const socket = await openDoor(socketPath, { door: "control" });
  const link = new Link({
    input: socket,
    output: socket,
    listener: {
      request: ({ method }) => Promise.reject(RpcError.methodNotFound(method)),
      notification: (_method, params) => onProgress(params as ControlNotifications["progress"]),
    },
    closeReason: () =>
      daemonUnreachable.create("the daemon closed the connection before it answered", {
        hint: "look into its log (`crucible status` names it), or start it again with `crucible serve`",
      }),
  });
  return {
    request: async (method, params, options) => (await link.request(method, params, options ?? {})) as never,
    closed: link.closed,
    [Symbol.dispose]: () => link.close(),
  };
}
