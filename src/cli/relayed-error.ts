/**
 * Errors that the daemon, or a delegation's result, brings with it: they keep the code, hint and exit code they had where
 * they came from. The command line cannot know all of them, since it does not load the rooms that declare them.
 */
import { isRecord, RpcError } from "../acp/wire.ts";
import { defineError, exitCodes, type CrucibleError } from "../base/errors.ts";

export interface RelayedError {
  code: string;
  message: string;
  hint?: string | undefined;
  exit: keyof typeof exitCodes;
  cause?: unknown;
}

/** The same error, expected here as it was there. */
export function relayedError({ code, message, hint, exit, cause }: RelayedError): CrucibleError {
  const definition = defineError(code as `CRU_${string}`, exit, "Declared where it was raised.");
  return definition.create(message, { ...(hint === undefined ? {} : { hint }), cause });
}

/** What an answer of the daemon is for the command line; other errors come back unchanged. */
export function fromDaemon(error: unknown): unknown {
  if (!(error instanceof RpcError)) return error;
  const data = isRecord(error.data) ? error.data : {};
  if (typeof data["code"] !== "string") return daemonBug(error);
  const hint = typeof data["hint"] === "string" ? data["hint"] : undefined;
  // On the wire the hint stands in the message too, for editors that show nothing else.
  const ending = `\nhint: ${hint}`;
  const message = error.message.endsWith(ending) ? error.message.slice(0, -ending.length) : error.message;
  return relayedError({ code: data["code"], message, hint, exit: exitNamed(data["exit_code"]), cause: error });
}

/** The name of an exit code; that of an agent that failed for a code this version does not know. */
export function exitNamed(exitCode: unknown): keyof typeof exitCodes {
  const names = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
  return names.find((name) => exitCodes[name] === exitCode) ?? "agentFailed";
}

function daemonBug(error: RpcError): CrucibleError {
  return relayedError({
    code: "CRU_DAEMON_BUG",
    message: `the daemon failed: ${error.message}`,
    hint: "this is a mistake in Crucible itself; please report it with the last lines of the daemon's log (`crucible status` names it)",
    exit: "bug",
    cause: error,
  });
}
