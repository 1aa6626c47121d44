/** What a session holds back, queues and is called is bounded, and what is collected is written when it is much. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { Scope } from "../../../src/base/scope.ts";
import { createBus } from "../../../src/observe/bus.ts";
import { recorder, maxSessionTitle } from "../../../src/sessions/recorder.ts";
import type { SessionChange, Store } from "../../../src/sessions/records.ts";
import { retentionIntervalMs, startRetention } from "../../../src/sessions/retention.ts";
import { maxHeldUpdates, Session } from "../../../src/sessions/session.ts";
import { maxQueuedPrompts, turns } from "../../../src/sessions/turns.ts";
import { maxCollectedCharacters, Unwritten } from "../../../src/sessions/unwritten.ts";
import { kilnIn } from "../../support/kilns.ts";
import { grantOf, profile } from "./profiles.ts";

afterEach(() => void vi.useRealTimers());

function open(heard: (params: unknown) => void): Session {
  return new Session({
    origin: "editor",
    profile: profile("a"),
    grant: grantOf([profile("a")]),
    kiln: kilnIn("/k"),
    cwd: "/k",
    client: { request: () => Promise.resolve({}), notify: (_method, params) => heard(params) },
    scope: new Scope(() => {}),
    interceptors: () => [],
  });
}

test("of what an agent says before its session is open the oldest goes first", () => {
  const heard: unknown[] = [];
  const session = open((params) => heard.push((params as { update: { n: number } }).update.n));
  for (let n = 0; n <= maxHeldUpdates; n++) session.notification("session/update", { sessionId: "x", update: { n } });
  session.opened();
  expect(heard).toHaveLength(maxHeldUpdates);
  expect([heard[0], heard.at(-1)]).toEqual([1, maxHeldUpdates]);
});

test("of prompts that wait behind a turn one too many is refused, with what to do; the others have their turn", async () => {
  const { clientRequest } = turns(
    open(() => {}),
    createBus(),
  );
  let finish = (): void => {};
  const first = new Promise<void>((resolve) => (finish = resolve));
  const prompt = (n: number): Promise<unknown> =>
    clientRequest!({ id: n, method: "session/prompt", params: {}, signal: new AbortController().signal }, () =>
      first.then(() => ({ stopReason: "end_turn", n })),
    );
  const taken = Array.from({ length: maxQueuedPrompts + 1 }, (_, n) => prompt(n));
  await expect(prompt(-1)).rejects.toMatchObject({ code: "CRU_PROMPT_QUEUE_FULL", hint: expect.any(String) as string });
  finish();
  expect((await Promise.all(taken)).map((answer) => (answer as { n: number }).n)).toEqual(taken.map((_, n) => n));
});

test.each(["client", "agent"])("a title is cut at its limit, whether it comes from the %s", async (from) => {
  const changes: SessionChange[] = [];
  const store = {
    appendMessage: () => {},
    writeMessages: () => {},
    messagesOf: () => [],
    findSession: () => undefined,
    updateSession: (_id: string, change: SessionChange) => changes.push(change),
  } as unknown as Store;
  const tap = recorder(
    open(() => {}),
    store,
  );
  const long = "t".repeat(maxSessionTitle + 1);
  if (from === "client") {
    const params = { prompt: [{ type: "text", text: long }] };
    const request = { id: 1, method: "session/prompt", params, signal: new AbortController().signal };
    await tap.clientRequest!(request, () => Promise.resolve({ stopReason: "end_turn" }));
  } else {
    const params = { update: { sessionUpdate: "session_info_update", title: long } };
    tap.agentNotification!({ method: "session/update", params }, () => {});
  }
  expect(changes.at(-1)?.title).toBe(`${"t".repeat(maxSessionTitle - 1)}…`);
});

test("what is collected in memory asks to be written when it is much, and not before", () => {
  const unwritten = new Unwritten(() => 0);
  const message = { sessionId: "s", at: 1, from: "client", method: "x", params: "y".repeat(10_000) } as const;
  let said = 0;
  for (; !unwritten.isFull; said++) unwritten.add(message);
  expect(said * 10_000).toBeGreaterThan(maxCollectedCharacters * 0.9);
  expect(said * 10_000).toBeLessThan(maxCollectedCharacters * 1.1);
  unwritten.take();
  expect(unwritten.isFull).toBe(false);
});

test("what is stored is looked at again after every interval, until it is stopped", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  let looks = 0;
  const store = { listSessions: () => (looks++, []) } as unknown as Store;
  const none = { isLive: () => false, remove: async () => {}, onFailure: () => {} };
  const stop = startRetention({ store, limits: () => ({ maxAgeDays: 1, maxBytes: 1 }), ...none });
  const seen = async (): Promise<number> => (await nextTurn(), looks);
  expect(await seen()).toBe(1);
  vi.advanceTimersByTime(retentionIntervalMs - 1);
  expect(await seen()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(await seen()).toBe(2);
  await stop();
  vi.advanceTimersByTime(10 * retentionIntervalMs);
  expect(await seen()).toBe(2);
});
