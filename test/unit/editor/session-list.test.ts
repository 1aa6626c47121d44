/** `session/list` of an editor with more conversations than fit into a list, and of agents that never come to its end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Agent } from "../../../src/agents/agent.ts";
import type { Desk } from "../../../src/editor/desk.ts";
import {
  agentListPatienceMs,
  listSessions,
  maxAgentPages,
  maxListed,
  maxListedAtOnce,
} from "../../../src/editor/session-list.ts";
import { createBus } from "../../../src/observe/bus.ts";
import type { Store } from "../../../src/sessions/records.ts";
import { openStore } from "../../../src/sessions/store.ts";
import { profile } from "../sessions/profiles.ts";
import { session } from "../sessions/stored.ts";

interface Page {
  sessions: { sessionId: string }[];
  nextCursor?: string;
}

let folder: string;
let store: Store;
let listOfAgent: (cursor: unknown) => Promise<unknown>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cru-list-"));
  store = openStore(folder, createBus());
  listOfAgent = () => Promise.resolve({ sessions: [] });
});
afterEach(() => {
  vi.useRealTimers();
  store.close();
  rmSync(folder, { recursive: true });
});

function list(cursor?: string): Promise<Page> {
  const agent = {
    initializeResult: { agentCapabilities: { sessionCapabilities: { list: {} } } },
    request: (_method: string, params: { cursor?: unknown }) => listOfAgent(params.cursor),
  } as unknown as Agent;
  const desk = {
    ports: { store, bus: createBus() },
    profile: profile("p"),
    initialize: {},
    seatOf: () => ({ use: (use: (one: Agent) => unknown) => use(agent) }),
  } as unknown as Desk;
  const request = { id: 1, method: "session/list", params: { cursor }, signal: new AbortController().signal };
  return listSessions(desk, request) as Promise<Page>;
}

/** Conversations `1` to `count`, each touched later than the one before. */
function held(count: number): void {
  const message = { at: 1, from: "client", method: "session/prompt", params: { prompt: [] } } as const;
  for (let at = 1; at <= count; at++) {
    store.saveSession(session(`${at}`, { updatedAt: at }));
    store.appendMessage({ sessionId: `${at}`, ...message });
  }
}

test("comes in pages, the last touched first; of those in the store the oldest are left out", async () => {
  held(maxListed + 2);
  const pages: Page[] = [];
  do pages.push(await list(pages.at(-1)?.nextCursor));
  while (pages.at(-1)!.nextCursor !== undefined);
  expect(pages.map(({ sessions }) => sessions.length)).toEqual(
    Array<number>(maxListed / maxListedAtOnce).fill(maxListedAtOnce),
  );
  const ids = pages.flatMap(({ sessions }) => sessions.map(({ sessionId }) => sessionId));
  expect(ids).toEqual(Array.from({ length: maxListed }, (_, index) => `${maxListed + 2 - index}`));
  await expect(list("nonsense")).rejects.toMatchObject({ code: -32602 });
});

test("an agent whose list has no end is not asked for ever", async () => {
  let asked = 0;
  listOfAgent = async () => ({ sessions: [{ sessionId: `own-${asked++}`, cwd: "/kiln" }], nextCursor: `${asked}` });
  expect((await list()).sessions).toHaveLength(maxAgentPages);
  expect(asked).toBe(maxAgentPages);
});

test("an agent that does not answer is waited for so long; then those of the store are listed alone", async () => {
  held(1);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  listOfAgent = () => new Promise(() => {});
  const listed = vi.fn();
  const listing = list().finally(listed);
  await vi.advanceTimersByTimeAsync(agentListPatienceMs - 1);
  expect(listed).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect((await listing).sessions).toMatchObject([{ sessionId: "1" }]);
});
