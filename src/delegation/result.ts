/**
 * What a delegation came to: from how the child's turn ended to the record that is kept, and from the record to the object that
 * parents and scripts receive. Stop reasons are mapped to what they mean, never to what one would like.
 */
import type { DelegationFailure, DelegationResult, DelegationStatus } from "../base/delegation.ts";
import { CrucibleError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import { headAndTail, oneLine } from "../base/text.ts";
import type { DelegationFigures } from "../observe/bus.ts";
import type { DelegationRecord } from "../sessions/records.ts";
import { childFailed, childRefused, childStopped, delegationLost } from "./errors.ts";

/** Of a name that no agent has, so much is shown, in characters; names of agents are shorter. */
const maxShownName = 100;

/** How a child's turn ended, whichever way. */
export interface Ending {
  status: DelegationStatus;
  stopReason: string | null;
  error: DelegationFailure | undefined;
}

/** Reads the stop reason of a turn that the child ended itself (ACP, "Stop Reasons"). */
export function endingOf(stopReason: string | null, agent: string): Ending {
  switch (stopReason) {
    case "end_turn":
      return { status: "completed", stopReason, error: undefined };
    case "refusal":
      return ended(
        "refused",
        stopReason,
        childRefused.create(`${agent} declined the task`, { hint: "reword the task, or ask another agent" }),
      );
    case "cancelled":
      return ended(
        "cancelled",
        stopReason,
        childStopped.create(`${agent} stopped its own turn as cancelled`, {
          hint: "a permission it asked for may have been refused; say in the task what it may do, or do that part yourself",
        }),
      );
    case "max_tokens":
      return ended("failed", stopReason, stopped(`${agent} ran out of tokens before it was done`));
    case "max_turn_requests":
      return ended("failed", stopReason, stopped(`${agent} used up the model requests of one turn before it was done`));
    default:
      return ended(
        "failed",
        stopReason,
        childStopped.create(
          `${agent} ended its turn for a reason Crucible does not know: ${JSON.stringify(stopReason)}`,
          { hint: "look at what it said before you rely on it" },
        ),
      );
  }
}

export function ended(status: DelegationStatus, stopReason: string | null, error: CrucibleError): Ending {
  return { status, stopReason, error: failureOf(error) };
}

export function failureOf(error: CrucibleError): DelegationFailure {
  return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

/** Said in place of a result when the child ended well without a word. */
export function silence(toolCalls: number): string {
  return toolCalls === 0
    ? "[The agent ended its turn without saying anything and without using a tool.]"
    : `[The agent ended its turn without saying anything. It made ${toolCalls} tool call${toolCalls === 1 ? "" : "s"}.]`;
}

/** Failures that leave a task untouched, so that another agent may do it. */
const beginningFailures: ReadonlySet<string> = new Set([
  "CRU_AGENT_NOT_FOUND",
  "CRU_AGENT_START",
  "CRU_AGENT_AUTH",
  "CRU_AGENT_EXITED",
  childFailed.code,
]);

/** Whether an ending is such a failure; that nothing was done before it is the caller's to know. */
export function couldNotBegin({ error }: Ending): boolean {
  return error !== undefined && beginningFailures.has(error.code);
}

/**
 * The result object of a delegation as it stands. The text is cut to `maxBytes` bytes, with the way to the rest in the gap; one
 * that has not ended is a handle without text.
 */
export function toResult(record: DelegationRecord, maxBytes: number): DelegationResult {
  const status = record.status === "queued" ? "running" : record.status;
  const whole = status === "running" ? "" : record.result;
  const error = failureIn(record);
  const { text, truncated, totalBytes } = headAndTail(whole, maxBytes, (omitted) => gap(record.id, omitted));
  return {
    delegation_id: record.id,
    session_id: record.childSessionId,
    agent: record.agent,
    status,
    result: text,
    truncated,
    result_bytes: totalBytes,
    stop_reason: record.stopReason,
    artifacts: record.artifacts,
    usage: record.usage,
    duration_ms: Math.max(0, (record.endedAt ?? Date.now()) - record.createdAt),
    ...(error === null ? {} : { error }),
    ...(record.tried.length === 0 ? {} : { tried: record.tried }),
    ...(record.notes.length === 0 ? {} : { notes: record.notes }),
  };
}

/** The result of a call that was not allowed to start. Throws on what is no refusal. */
export function refusedResult(agent: string, error: unknown): DelegationResult {
  if (!(error instanceof CrucibleError)) throw error;
  return {
    delegation_id: newId("del"),
    session_id: null,
    agent: oneLine(agent, maxShownName),
    status: "refused",
    result: "",
    truncated: false,
    result_bytes: 0,
    stop_reason: null,
    artifacts: [],
    usage: { tokens: null, cost: null },
    duration_ms: 0,
    error: failureOf(error),
  };
}

/** Why a delegation did not come to its end; one that was lost could not write that down itself. */
export function failureIn({ status, agent, error }: Pick<DelegationRecord, "status" | "agent" | "error">) {
  return error ?? (status === "lost" ? failureOf(lostAtWork(agent)) : null);
}

/** What may be told of it to those who are not to read it. */
export function figuresOf(result: DelegationResult): DelegationFigures {
  const { duration_ms: durationMs, usage, result_bytes: resultBytes, stop_reason: stopReason, error } = result;
  return { durationMs, ...usage, resultBytes, stopReason, code: error?.code ?? null };
}

function gap(id: string, omittedBytes: number): string {
  return `\n\n[… ${omittedBytes} bytes are left out here; read_delegation with id "${id}" returns the whole text in pages …]\n\n`;
}

function lostAtWork(agent: string): CrucibleError {
  return delegationLost.create(`the daemon died while ${agent} was at work, and nobody knows how far it came`, {
    hint: "look at what it had said until then, and at what it left in the files; delegate again what is missing",
  });
}

function stopped(message: string): CrucibleError {
  return childStopped.create(message, { hint: "give it a smaller task, or what it has found so far as context" });
}
