/**
 * What a delegation came to, in the words an editor has for it. Says no more than is known: a child whose process went away
 * has an unknown outcome, not a failed one.
 */
import type { SubagentState, SubagentStopReason } from "../acp/subagents.ts";
import { rpcCodes } from "../acp/wire.ts";
import type { DelegationProgress } from "../base/delegation.ts";
import type { DelegationRecord } from "../sessions/records.ts";

export interface Outcome {
  /** Of the child's session, where the editor shows one. */
  readonly state: SubagentState;
  /** Of the card, where it shows that. */
  readonly kind: "completed" | "failed" | "cancelled";
  /** One line for people. */
  readonly line: string;
}

/** Failures after which nobody knows how far the child came. */
const goneErrors: ReadonlySet<string> = new Set(["CRU_AGENT_EXITED"]);

/** The limits an agent reports of itself; it ended its work properly, if early. */
const ownLimits: ReadonlySet<string> = new Set(["max_tokens", "max_turn_requests"]);

/** `record` = as stored when it ended. */
export function outcomeOf(told: Pick<DelegationProgress, "status" | "line">, record?: DelegationRecord): Outcome {
  const kind = told.status === "completed" || told.status === "cancelled" ? told.status : "failed";
  return { state: stateOf(told, record), kind, line: lineOf(told) };
}

/** Of a child that was ended with its parent. */
export const endedWithParent: Outcome = { state: idle("cancelled"), kind: "cancelled", line: "ended with its parent" };

/** Of a child that is not seen any more, whatever becomes of it. */
export const outOfSight: SubagentState = { state: "unknown" };

function stateOf(
  { status, line }: Pick<DelegationProgress, "status" | "line">,
  record?: DelegationRecord,
): SubagentState {
  const stopReason = record?.stopReason ?? null;
  switch (status) {
    case "completed":
      return idle("end_turn");
    case "cancelled":
      return idle("cancelled");
    case "refused":
      return idle("refusal");
    case "lost":
      return outOfSight;
    default:
      if (status === "failed" && stopReason !== null && ownLimits.has(stopReason))
        return idle(stopReason as SubagentStopReason);
      if (record?.error && goneErrors.has(record.error.code)) return outOfSight;
      return { ...idle("error"), error: { code: rpcCodes.internalError, message: line } };
  }
}

function idle(stopReason: SubagentStopReason): { state: "idle"; stopReason: SubagentStopReason } {
  return { state: "idle", stopReason };
}

function lineOf({ status, line }: Pick<DelegationProgress, "status" | "line">): string {
  switch (status) {
    case "completed":
    case "failed":
    case null:
      return line;
    default:
      return `${status.replace("_", " ")}: ${line}`;
  }
}
