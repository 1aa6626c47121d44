/**
 * Watching over a running child: its time, and whether it still gives signs of life. A healthy child is never ended by the clock
 * alone unless somebody set a time for it.
 */
import type { CrucibleError } from "../base/errors.ts";
import { formatDuration } from "../base/text.ts";
import { delegationLimit, delegationStalled, delegationTimeout } from "./errors.ts";

/** Longest delay a timer takes. */
const maxTimerMs = 2 ** 31 - 1;

/** How often it is looked whether a child was heard within the time it may be silent, and the longest time between two looks. */
const looksPerStall = 10;
const longestLookMs = 60_000;

/** Calls back once after `timeoutMs` milliseconds, never when that is infinite. Returns how to stop. */
export function watchTime(timeoutMs: number, onTimeout: () => void): () => void {
  if (!Number.isFinite(timeoutMs)) return () => {};
  const timer = setTimeout(onTimeout, Math.min(timeoutMs, maxTimerMs));
  return () => clearTimeout(timer);
}

export interface ActivityWatch {
  /** Longest silence, in milliseconds. */
  stallMs: number;
  /** When something was last heard, by the clock of base/clock.ts. */
  lastHeardAt: () => number;
  onStall: () => void;
}

/**
 * Calls back once when nothing was heard for too long. Returns how to stop. Silence is counted in looks, and not as the time
 * between two of them: while the machine sleeps, or this process is stopped, nobody can be heard.
 */
export function watchActivity({ stallMs, lastHeardAt, onStall }: ActivityWatch): () => void {
  const lookMs = Math.min(stallMs / looksPerStall, longestLookMs);
  let heardAt = lastHeardAt();
  let silentMs = 0;
  const timer = setInterval(() => {
    const before = heardAt;
    heardAt = lastHeardAt();
    silentMs = heardAt === before ? silentMs + lookMs : 0;
    if (silentMs < stallMs) return;
    clearInterval(timer);
    onStall();
  }, lookMs);
  return () => clearInterval(timer);
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
