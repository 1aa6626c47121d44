/**
 * The command line's side of the control door: connects to the daemon's socket, asks, and closes.
 */
import { Link } from "../acp/link.ts";
import { isRecord, RpcError } from "../acp/wire.ts";
import { timedOut, within } from "../base/deadline.ts";
import { formatDuration } from "../base/text.ts";
import { openDoor } from "./door.ts";
import { daemonUnreachable } from "./errors.ts";
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

/** How long a daemon may take for what it answers at once, in milliseconds. */
const maxAnswerMs = 20_000;

const answeredAtOnce: ReadonlySet<keyof ControlMethods> = new Set(["status", "ps", "stop"]);

/**
 * Opens the control door. Errors of the daemon come back as `RpcError` with `data: { code, hint }`; CRU_DAEMON_UNREACHABLE also where
 * one that is there does not answer what takes no time.
 */
export async function connectControl(
  socketPath: string,
  { onProgress, onQuestion, answerMs = maxAnswerMs }: ControlListeners & { answerMs?: number } = {},
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
        hint: "look into its log (`crucible status` names it), or start it again with `crucible serve`",
      }),
  });
  return {
    async request(method, params, options) {
      const answer = await within(
        link.request(method, params, options),
        answeredAtOnce.has(method) ? answerMs : Infinity,
      );
      if (answer === timedOut) throw silent(socketPath, answerMs);
      return answer as never;
    },
    closed: link.closed,
    [Symbol.dispose]: () => link.close(),
  };
}

function silent(socketPath: string, answerMs: number): Error {
  return daemonUnreachable.create(`the daemon on ${socketPath} did not answer within ${formatDuration(answerMs)}`, {
    hint: `it may have been stopped, or hang; its pid stands in ${socketPath}.lock`,
  });
}
