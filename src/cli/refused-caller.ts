/**
 * An editor, or an agent with a tool server, that cannot be connected must learn it from the one thing it reads: its first
 * request (`initialize`, in ACP and MCP alike) is answered with the error.
 */
import type { Readable, Writable } from "node:stream";
import { toErrorObject } from "../acp/error-object.ts";
import { isRecord } from "../acp/wire.ts";
import { timedOut, within } from "../base/deadline.ts";
import { deferred } from "../base/deferred.ts";
import { LineSplitter } from "../base/lines.ts";
import { reportError } from "./exit.ts";

/** How long the first request is waited for, in milliseconds; whoever starts a server sends it at once. */
export const firstRequestTimeoutMs = 5000;

/** Longest first request that is answered, in bytes. */
export const maxRequestBytes = 16 * 1024 * 1024;

export interface Caller {
  input: Readable;
  output: Writable;
  timeoutMs?: number;
}

/** Tells the error on stderr and to the caller. Resolves to the exit code, when the answer is written or nobody asked. */
export async function refuseCaller(error: unknown, caller: Caller): Promise<number> {
  const exitCode = await reportError(error);
  // In a terminal the error has reached the one who is there.
  if (!isTerminal(caller.input)) await answerFirstRequest(error, caller);
  return exitCode;
}

async function answerFirstRequest(error: unknown, caller: Caller): Promise<void> {
  const line = await within(firstLine(caller.input), caller.timeoutMs ?? firstRequestTimeoutMs);
  const id = line === timedOut || line === undefined ? undefined : requestId(line);
  if (id === undefined) return;
  const answer = `${JSON.stringify({ jsonrpc: "2.0", id, error: toErrorObject(error) })}\n`;
  await new Promise<void>((resolve) => {
    // Whoever no longer reads does not want to know.
    caller.output.once("error", () => resolve());
    caller.output.end(answer, () => resolve());
  });
}

/** The first line that is not empty; undefined when the input ends before. */
function firstLine(input: Readable): Promise<string | undefined> {
  const line = deferred<string | undefined>();
  const splitter = new LineSplitter({
    maxLineBytes: maxRequestBytes,
    onLine: (text) => text.trim() !== "" && line.resolve(text),
    onTooLong: () => line.resolve(undefined),
  });
  const onEnd = (): void => {
    splitter.end();
    line.resolve(undefined);
  };
  if (input.readableEnded) onEnd();
  input.on("data", (chunk: Buffer) => splitter.push(chunk)).resume();
  input.once("end", onEnd);
  input.once("error", onEnd);
  return line.promise.finally(() => input.pause());
}

function requestId(line: string): string | number | undefined {
  try {
    const message: unknown = JSON.parse(line);
    const id = isRecord(message) && typeof message["method"] === "string" ? message["id"] : undefined;
    return typeof id === "string" || typeof id === "number" ? id : undefined;
  } catch {
    // Not JSON-RPC: there is nobody who could be answered.
    return undefined;
  }
}

function isTerminal(input: Readable): boolean {
  return "isTTY" in input && input.isTTY === true;
}
