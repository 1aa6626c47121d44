/** An editor whose agent takes its time to start. */
import { duplexPair } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Link } from "../../../src/acp/link.ts";
import { EditorConnection, initializePatienceMs } from "../../../src/editor/connection.ts";
import type { EditorPorts } from "../../../src/editor/ports.ts";
import { createBus } from "../../../src/observe/bus.ts";
import { profile } from "../sessions/profiles.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

test("initialize waits so long for an agent of which nothing is known, and is answered with what every agent can", async () => {
  const [near, far] = duplexPair();
  const startAgent = vi.fn(() => new Promise<never>(() => {}));
  const ports = { bus: createBus(), version: "1", startAgent, knownAnswer: () => undefined };
  const connection = new EditorConnection({ stream: far }, profile("slow"), ports as unknown as EditorPorts);
  const link = new Link({
    input: near,
    output: near,
    listener: { request: () => expect.unreachable(), notification: () => {} },
    closeReason: () => new Error("closed"),
  });
  const answered = vi.fn();
  const answer = link.request("initialize", { protocolVersion: 1 }).finally(answered);
  while (vi.getTimerCount() === 0) await nextTurn();
  await vi.advanceTimersByTimeAsync(initializePatienceMs - 1);
  expect(answered).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(await answer).toMatchObject({ protocolVersion: 1, agentInfo: { name: expect.any(String) as string } });
  expect(startAgent).toHaveBeenCalledOnce();
  link.close();
  await connection.link.closed;
});
