/** How a caller that waits is kept from giving up, and how long one is kept waiting of which nothing is known. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Delegation } from "../../../src/delegation/delegation.ts";
import { heartbeatMs, quietMs, startHeartbeat } from "../../../src/mcp/heartbeat.ts";
import type { ToolCall } from "../../../src/mcp/tool.ts";
import { cautiousWaitMs, waitAskedForMs, waitBudgetMs } from "../../../src/mcp/wait-budget.ts";
import { createBus, type Bus } from "../../../src/observe/bus.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

function beat(): { lines: string[]; bus: Bus; stop: () => void } {
  const lines: string[] = [];
  const bus = createBus();
  const delegation = { id: "del_1", activity: "works" } as unknown as Delegation;
  const call = { progress: (line: string) => lines.push(line) } as unknown as ToolCall;
  return { lines, bus, stop: startHeartbeat(delegation, call, bus) };
}

function does(bus: Bus): void {
  bus.emit("delegation.progress", { delegationId: "del_1", kind: "activity" } as never);
}

test("a caller whose child says nothing hears of it after every interval, until it is over", () => {
  const { lines, stop } = beat();
  expect(lines).toHaveLength(1);
  vi.advanceTimersByTime(heartbeatMs - 1);
  expect(lines).toHaveLength(1);
  vi.advanceTimersByTime(1 + heartbeatMs);
  expect(lines).toHaveLength(3);
  stop();
  vi.advanceTimersByTime(10 * heartbeatMs);
  expect(lines).toHaveLength(3);
});

test("a caller whose child does very much hears of it once a second", () => {
  const { lines, bus, stop } = beat();
  for (let at = 0; at < 5 * quietMs; at += 10) {
    does(bus);
    vi.advanceTimersByTime(10);
  }
  expect(lines.length).toBeGreaterThanOrEqual(4);
  expect(lines.length).toBeLessThanOrEqual(6);
  stop();
});

function callOf(family: string | undefined, hearsProgress: boolean, waitSeconds?: number): ToolCall {
  return { hearsProgress, session: { profile: { family, delegation: { waitSeconds } } } } as unknown as ToolCall;
}

test("a caller of which nothing is known, and that hears no progress, is given back a handle in time", () => {
  expect(waitBudgetMs(callOf(undefined, false))).toBe(cautiousWaitMs);
  expect(waitBudgetMs(callOf(undefined, true))).toBe(Number.POSITIVE_INFINITY);
  expect(waitBudgetMs(callOf("codex", true))).toBeLessThan(300_000);
  expect(waitBudgetMs(callOf(undefined, false, 7))).toBe(7000);
});

test("a caller that says how long it waits is kept waiting so long, as far as its kind bears it", () => {
  expect(waitAskedForMs(callOf(undefined, false, 1), 10_000)).toBe(10_000);
  expect(waitAskedForMs(callOf(undefined, false, 1), 3_600_000)).toBe(cautiousWaitMs);
  expect(waitAskedForMs(callOf("codex", true), 3_600_000)).toBeLessThan(300_000);
  expect(waitAskedForMs(callOf(undefined, false, 600), 500_000)).toBe(500_000);
});
