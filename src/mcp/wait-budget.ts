/**
 * How long a call may wait before it must hand back a handle, so that the caller's own limit never takes a result with it.
 * The limits were measured or read in November 2026 (docs/concepts/delegation.md has the table).
 */
import type { ToolCall } from "./tool.ts";

/** Callers that end a call after a fixed time, progress or not: what they may wait, in milliseconds. */
const hardLimits: Readonly<Record<string, number>> = {
  // 300 s
  codex: 240_000,
  // 600 s
  gemini: 540_000,
  // Unknown; 60 s is the shortest limit met with any.
  cursor: 50_000,
};

/** For a caller that gave no progress token and of which nothing is known, in milliseconds. */
export const cautiousWaitMs = 50_000;

/** What the profile says, else what its kind of agent bears, in milliseconds. */
export function waitBudgetMs(call: ToolCall): number {
  const { waitSeconds } = call.session.profile.delegation;
  return waitSeconds === undefined ? bearableMs(call) : waitSeconds * 1000;
}

/**
 * For a caller that says itself how long it will wait, in milliseconds: `wait_seconds` of a profile is for calls that do not, and
 * shortens no wait that its kind of agent bears.
 */
export function waitAskedForMs(call: ToolCall, askedMs: number): number {
  return Math.min(askedMs, Math.max(waitBudgetMs(call), bearableMs(call)));
}

/** Milliseconds; infinite for callers whose limit is reset by progress. */
function bearableMs(call: ToolCall): number {
  const { family } = call.session.profile;
  const hard = family === undefined ? undefined : hardLimits[family];
  if (hard !== undefined) return hard;
  return call.hearsProgress ? Number.POSITIVE_INFINITY : cautiousWaitMs;
}
