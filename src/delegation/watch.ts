/**
 * Watching over a running child: its time, and whether it still gives signs of life. A healthy child is never ended by the clock
 * alone unless somebody set a time for it.
 */
import type { CrucibleError } from "../base/errors.ts";
import { formatDuration } from "../base/text.ts";
import { delegationLimit, delegationStalled, delegationTimeout } from "./errors.ts";

/** Longest delay a timer takes; what is longer is waited for in parts. */
const maxTimerMs = 2 ** 31 - 1;

/** Calls back once after `timeoutMs` milliseconds, never when that is infinite. Returns how to stop. */
export function watchTime(timeoutMs: number, onTimeout: () => void): () => void {
  if (!Number.isFinite(timeoutMs)) return () => {};
  const timer = setTimeout(onTimeout, Math.min(timeoutMs, maxTimerMs));
  return () => clearTimeout(timer);
}

export interface ActivityWatch {
  /** Longest silence, in milliseconds. */
  stallMs: number;
  /** When something was last heard, in milliseconds since 1970. */
  lastHeardAt: () => number;
  onStall: () => void;
}

/** Calls back once when nothing was heard for too long. Returns how to stop. */
export function watchActivity({ stallMs, lastHeardAt, onStall }: ActivityWatch): () => void {
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const silentMs = Date.now() - lastHeardAt();
    if (silentMs >= stallMs) return onStall();
    timer = setTimeout(look, Math.min(stallMs - silentMs, maxTimerMs));
  };
  timer = setTimeout(look, Math.min(stallMs, maxTimerMs));
  return () => clearTimeout(timer);
}

export function tookTooLong(agent: string, seconds: number): CrucibleError {
  return delegationTimeout.create(`${agent} was not done after ${formatDuration(seconds * 1000)}`, {
    hint: "give it a smaller task or more time; timeout_seconds of the calling profile is the upper limit",
  });
}

export function wentSilent(agent: string, seconds: number): CrucibleError {
  return delegationStalled.create(`${agent} gave no sign of life for ${formatDuration(seconds * 1000)}`, {
    hint: "try again, or ask another agent; the limit is stall_seconds of the calling profile",
  });
}

export function usedItsTurns(agent: string, maxTurns: number): CrucibleError {
  return delegationLimit.create(`${agent} was not done after ${maxTurns} tool calls, the max_turns of this task`, {
    hint: "give it a smaller task, or a higher max_turns",
  });
}
