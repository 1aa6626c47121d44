/**
 * How an error leaves over JSON-RPC: a peer's own error untouched, an expected error of ours with its code and hint in
 * `data`, anything else as an internal error that says no more than its message.
 */
import { CrucibleError, messageOf } from "../base/errors.ts";
import { RpcError, rpcCodes, type RpcErrorObject } from "./wire.ts";

/** Codes of ours that ACP has a number for; editors act on these (sign in, forget the session). */
const numbers: Readonly<Record<string, number>> = {
  CRU_AGENT_AUTH: rpcCodes.authRequired,
  CRU_FILE_NOT_FOUND: rpcCodes.notFound,
  CRU_TERMINAL_UNKNOWN: rpcCodes.notFound,
  CRU_REQUEST_INVALID: rpcCodes.invalidParams,
  CRU_SESSION_OF_DELEGATION: rpcCodes.invalidRequest,
};

/** The JSON-RPC error object for anything that was thrown. Source: JSON-RPC 2.0 §5.1. */
export function toErrorObject(error: unknown): RpcErrorObject {
  if (error instanceof RpcError) {
    return error.object;
  }
  if (error instanceof CrucibleError) {
    return {
      code: numbers[error.code] ?? rpcCodes.internalError,
      // Editors show the message and seldom the data, so the way out has to stand in the message.
      message: error.hint ? `${error.message}\nhint: ${error.hint}` : error.message,
      data: { ...error.details, code: error.code, hint: error.hint, exit_code: error.exitCode },
    };
  }
  if (isAbort(error)) return { code: rpcCodes.cancelled, message: "request cancelled" };
  return { code: rpcCodes.internalError, message: `internal error: ${messageOf(error)}` };
}

/** True for what only a mistake in Crucible can throw. */
export function isUnexpected(error: unknown): boolean {
  return !(error instanceof RpcError) && !(error instanceof CrucibleError) && !isAbort(error);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
