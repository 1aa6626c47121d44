/**
 * Keeps a caller from giving up on a delegation that takes long: a readable line at once when the child does something new,
 * and at the latest after every interval. Many callers end a tool call after 60 s of silence (docs/concepts/delegation.md).
 */
import { monotonicMs } from "../base/clock.ts";
import type { Delegation } from "../delegation/delegation.ts";
import type { Bus } from "../observe/bus.ts";
import type { ToolCall } from "./tool.ts";

/** Longest silence towards a caller, in milliseconds. */
export const heartbeatMs = 10_000;

/** Shortest time between two lines, in milliseconds, so that a busy child does not flood its caller. */
export const quietMs = 1_000;

/** Starts telling; returns how to stop. */
export function startHeartbeat(delegation: Delegation, call: ToolCall, bus: Bus): () => void {
  let timer: NodeJS.Timeout;
  let lastAt = 0;
  const tell = (): void => {
    lastAt = monotonicMs();
    call.progress(delegation.activity);
    tellIn(heartbeatMs);
  };
  const tellIn = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(tell, ms);
  };
  const stopListening = bus.on("delegation.progress", (event) => {
    if (event.delegationId !== delegation.id || event.kind === "ended") return;
    tellIn(Math.max(0, lastAt + quietMs - monotonicMs()));
  });
  tell();
  return () => {
    clearTimeout(timer);
    stopListening();
  };
}
