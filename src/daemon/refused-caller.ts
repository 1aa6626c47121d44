/**
 * A caller that cannot be served is told so in its own protocol: all three doors speak JSON-RPC, so each of its requests gets
 * the error, and the person at the other end sees why.
 */
import type { Socket } from "node:net";
import { Link } from "../acp/link.ts";

export function refuseCaller(socket: Socket, error: Error): void {
  const link = new Link({
    input: socket,
    output: socket,
    listener: { request: () => Promise.reject(error), notification: () => {} },
    closeReason: () => error,
  });
  link.closed.catch(() => {});
}
