/**
 * The command line's side of the control door: connects to the daemon's socket, asks, and closes.
 */
import { Link } from "../acp/link.ts";
import { isRecord, RpcError } from "../acp/wire.ts";
import { openDoor } from "./door.ts";
import { daemonUnreachable } from "./errors.ts";
import { firstWord, type Waits } from "./silence.ts";
import type { ControlMethods, ControlNotifications, ControlQuestions } from "./methods.ts";

export interface ControlClient extends Disposable {
  request<Method extends keyof ControlMethods>(
    method: Method,
    params: ControlMethods[Method]["params"],
    options?: { signal?: AbortSignal },
  ): Promise<ControlMethods[Method]["result"]>;
  /** Settles when the daemon closed the connection. */
  readonly closed: Promise<void>;
}

type PermissionQuestion = ControlQuestions["session/request_permission"];

/** Who hears what the daemon says on its own during a `delegate` request. */
export interface ControlListeners {
  onProgress?: ((progress: ControlNotifications["progress"]) => void) | undefined;
  /** Answers a permission question; the signal aborts when it is taken back. Without it there is nobody to ask. */
  onQuestion?:
    | ((question: PermissionQuestion["params"], signal: AbortSignal) => Promise<PermissionQuestion["result"]>)
    | undefined;
}

/** Opens the control door. Errors of the daemon come back as `RpcError` with `data: { code, hint }`. */
export async function connectControl(
  socketPath: string,
  { onProgress, onQuestion, waits }: ControlListeners & { waits?: Waits } = {},
): Promise<ControlClient> {
  const socket = await openDoor(socketPath, { door: "control" });
  const link = new Link({
    input: socket,
    output: socket,
    listener: {
      request: ({ method, params, signal }) =>
        method === "session/request_permission" && onQuestion && isRecord(params)
          ? onQuestion(params, signal)
          : Promise.reject(RpcError.methodNotFound(method)),
      notification: (_method, params) => onProgress?.(params as ControlNotifications["progress"]),
    },
    closeReason: () =>
      daemonUnreachable.create("the daemon closed the connection before it answered", {
        hint: "`crucible logs` has what it said last; if it does not stay, `crucible serve` in a terminal shows why",
      }),
  });
  const heard = new Promise((resolve) => {
    socket.once("data", resolve);
    void link.closed.then(resolve);
  });
  let isHeard: Promise<void> | undefined;
  return {
    async request(method, params, options) {
      const answer = link.request(method, params, options ?? {});
      answer.catch(() => {});
      isHeard ??= firstWord({ socketPath, waits, heard, ask: () => void link.request("status", {}).catch(() => {}) });
      await isHeard;
      return (await answer) as never;
    },
    closed: link.closed,
    [Symbol.dispose]: () => link.close(),
  };
}
