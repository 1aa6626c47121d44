/**
 * The door of the command line: JSON-RPC methods of `control/methods.ts`, answered from the live daemon. Parameters are checked
 * here, since anything may connect to the socket.
 */
import type { Socket } from "node:net";
import { z } from "zod";
import { Link } from "../acp/link.ts";
import { RpcError, type IncomingRequest, type Peer } from "../acp/wire.ts";
import type { ControlMethods } from "../control/methods.ts";
import { maxListedSessions, maxSearchCharacters } from "../control/stored.ts";
import { invalidControl } from "./errors.ts";

const schemas = {
  status: z.object({}),
  ps: z.object({}),
  stop: z.object({}),
  reload: z.object({}),
  delegate: z.object({
    agent: z.string().min(1),
    task: z.string().min(1),
    from: z.string().optional(),
    cwd: z.string().startsWith("/"),
    context: z.string().optional(),
    description: z.string().optional(),
    model: z.string().min(1).optional(),
    attended: z.boolean().optional(),
  }),
  sessions: z.object({
    search: z.string().min(1).max(maxSearchCharacters).optional(),
    agent: z.string().optional(),
    all: z.boolean().optional(),
    limit: z.number().int().min(1).max(maxListedSessions),
  }),
  session: z.object({ id: z.string().min(1), permissions: z.boolean() }),
  session_messages: z.object({ id: z.string().min(1), after: z.number().int().min(0) }),
  delete_session: z.object({ id: z.string().min(1) }),
  cancel: z.object({ id: z.string().min(1) }),
  terminal_auth: z.object({ agent: z.string().optional(), method: z.string() }),
} satisfies Record<keyof ControlMethods, z.ZodType>;

export interface ControlCall {
  /** Aborts when the caller cancels or goes away. */
  signal: AbortSignal;
  notify: (method: string, params: unknown) => void;
  /** The caller, for questions to it. */
  caller: Peer;
}

/** One function for each method. */
export type ControlHandlers = {
  [Method in keyof ControlMethods]: (
    params: ControlMethods[Method]["params"],
    call: ControlCall,
  ) => Promise<ControlMethods[Method]["result"]> | ControlMethods[Method]["result"];
};

export function serveControl(socket: Socket, handlers: ControlHandlers, onBug: (error: unknown) => void): void {
  const link = new Link({
    input: socket,
    output: socket,
    listener: { request: (request) => answer(request), notification: () => {} },
    closeReason: () => new Error("the caller is gone"),
    answerGarbage: true,
    onBug,
  });

  async function answer({ method, params, signal }: IncomingRequest): Promise<unknown> {
    if (!isMethod(method)) throw RpcError.methodNotFound(method);
    const checked = schemas[method].safeParse(params ?? {});
    if (!checked.success) {
      throw invalidControl.create(`the parameters of ${method} are not right: ${z.prettifyError(checked.error)}`, {
        hint: "use a command line of the same version as the daemon",
      });
    }
    const handle = handlers[method] as (params: unknown, call: ControlCall) => unknown;
    return handle(checked.data, { signal, notify: (name, body) => link.notify(name, body), caller: link });
  }
}

function isMethod(method: string): method is keyof ControlMethods {
  return Object.hasOwn(schemas, method);
}
