/** A conversation is kept as it was relayed, whatever is in it, and written in batches. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import Database from "libsql";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createBus } from "../../../src/observe/bus.ts";
import type { NewMessage, RelayedMessage, Store } from "../../../src/sessions/records.ts";
import { maxSegmentCharacters } from "../../../src/sessions/segment.ts";
import { openStore, writeDelayMs } from "../../../src/sessions/store.ts";
import { maxOpenSegments } from "../../../src/sessions/unwritten.ts";

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cru-store-"));
  store = openStore(folder, createBus());
});
afterEach(async () => {
  store.close();
  await rm(folder, { recursive: true });
});

function restart(): void {
  store.close();
  store = openStore(folder, createBus());
}

function prompt(text: string, sessionId = "ses_a"): NewMessage {
  return { sessionId, at: 1, from: "client", method: "session/prompt", params: { sessionId, prompt: text } };
}

function update(fields: Record<string, unknown>, sessionId = "ses_a"): NewMessage {
  return { sessionId, at: 2, from: "agent", method: "session/update", params: { sessionId: "agents", update: fields } };
}

function piece(text: string, fields: Record<string, unknown> = {}): NewMessage {
  return update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text }, ...fields });
}

const contents = (messages: readonly RelayedMessage[]): unknown[] =>
  messages.map(({ params }) => (params as { update?: unknown }).update ?? (params as { prompt: unknown }).prompt);

test("messages come back in order, numbered, under the session's own id, also after a restart", () => {
  store.appendMessage(prompt("before\0after\n語🦀\ud800"));
  store.appendMessage(update({ sessionUpdate: "tool_call", toolCallId: "t", title: "\u001b[31m" }));
  store.appendMessage(prompt("other", "ses_b"));
  const expected = [
    { ...prompt("before\0after\n語🦀\ud800"), number: 1 },
    { ...update({ sessionUpdate: "tool_call", toolCallId: "t", title: "\u001b[31m" }), number: 2 },
  ].map((message) => ({ ...message, params: { ...(message.params as object), sessionId: "ses_a" } }));
  expect(store.messagesOf("ses_a")).toEqual(expected);
  restart();
  expect(store.messagesOf("ses_a")).toEqual(expected);
  store.appendMessage(prompt("again"));
  expect(store.messagesOf("ses_a", { after: 2 })).toMatchObject([{ number: 3 }]);
  expect(store.messagesOf("ses_a", { after: 1, limit: 1 })).toMatchObject([{ number: 2 }]);
  expect(store.messagesOf("nobody")).toEqual([]);
});

test("pieces of streamed text become one message, also over several writes, until anything else comes", () => {
  store.appendMessage(piece("a"));
  expect(contents(store.messagesOf("ses_a"))).toHaveLength(1);
  for (const text of ["b", "c"]) store.appendMessage(piece(text));
  store.appendMessage(update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "hm" } }));
  store.appendMessage(piece("d"));
  expect(contents(store.messagesOf("ses_a"))).toEqual([
    { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "abc" } },
    { sessionUpdate: "agent_thought_chunk", content: { type: "text", text: "hm" } },
    { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "d" } },
  ]);
});

test("a piece that carries anything besides its text stays by itself", () => {
  const own = [
    { messageId: "m1" },
    { messageId: "m2" },
    { _meta: { a: 1 } },
    { content: { type: "text", text: "x", annotations: {} } },
    { content: { type: "image", data: "", mimeType: "image/png" } },
  ];
  for (const fields of own) store.appendMessage(piece("x", fields));
  expect(contents(store.messagesOf("ses_a"))).toEqual(
    own.map((fields) => ({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: "x" }, ...fields })),
  );
});

test("what is nested too deeply to be written is told of, and costs nothing else", () => {
  let deep: unknown = {};
  for (let level = 0; level < 100_000; level++) deep = { deep };
  store.appendMessage({ sessionId: "ses_a", at: 1, from: "agent", method: "session/request_permission", params: deep });
  store.appendMessage(prompt("after it"));
  expect(store.messagesOf("ses_a")).toMatchObject([
    { number: 1, from: "crucible", method: "crucible/dropped", params: { messages: 1 } },
    { number: 2, params: { prompt: "after it" } },
  ]);
});

test("a line is kept as it came, and what an agent adds to it cannot pass for another message", () => {
  const params = { sessionId: "agents", update: { sessionUpdate: "plan", entries: [{ b: 1, a: [] }] } };
  for (const line of [
    JSON.stringify({ jsonrpc: "2.0", method: "session/update", params }),
    JSON.stringify({ jsonrpc: "2.0", method: "session/update", params, from: { client: {} } }),
    ` { "method": "session/update", "params": ${JSON.stringify(params)}, "jsonrpc": "2.0" }`,
  ]) {
    store.appendMessage({ sessionId: "ses_a", at: 3, from: "agent", method: "session/update", params, line });
  }
  for (const message of store.messagesOf("ses_a")) {
    expect(message).toMatchObject({ at: 3, from: "agent", method: "session/update" });
    expect(message.params).toEqual({ ...params, sessionId: "ses_a" });
  }
});

test("whatever is streamed in whatever pieces, the text that comes back is the text that went in", () => {
  let session = 0;
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "binary" }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      (texts, every) => {
        const sessionId = `ses_${session++}`;
        for (const [index, text] of texts.entries()) {
          store.appendMessage({ ...piece(text), sessionId });
          if (index % every === 0) store.messagesOf(sessionId);
        }
        const back = contents(store.messagesOf(sessionId)).map(
          (said) => (said as { content: { text: string } }).content.text,
        );
        expect(back.join("")).toBe(texts.join(""));
        expect(back.length).toBe(texts.length === 0 ? 0 : 1);
      },
    ),
    { numRuns: 50 },
  );
});

test("a long conversation goes into many stretches, and none is lost or told twice", () => {
  const text = "x".repeat(maxSegmentCharacters / 3);
  for (let index = 0; index < 20; index++) {
    store.appendMessage(prompt(`${index} ${text}`));
    if (index % 7 === 0) store.messagesOf("ses_a");
  }
  const messages = store.messagesOf("ses_a");
  expect(messages.map(({ number }) => number)).toEqual(messages.map((_, index) => index + 1));
  expect(contents(messages)).toEqual(messages.map((_, index) => `${index} ${text}`));
});

test("it is written soon without anybody asking", async () => {
  store.appendMessage(prompt("said"));
  const other = openStore(folder, createBus());
  try {
    await vi.waitFor(() => expect(other.messagesOf("ses_a")).toHaveLength(1), { timeout: 20 * writeDelayMs });
  } finally {
    other.close();
  }
});

test("messages that are written at once are in the file then, and are not written again with those that follow", () => {
  const file = new Database(join(folder, "crucible.db"));
  const rows = (): unknown[] => file.prepare("SELECT session_id, number, last FROM transcripts ORDER BY number").all();
  try {
    store.appendMessage(prompt("other", "ses_b"));
    for (const text of ["one", "two", "three"]) {
      store.appendMessage(prompt(text));
      store.appendMessage(piece(`${text}!`));
      store.writeMessages("ses_a");
    }
    store.writeMessages("ses_a");
    store.writeMessages("nobody");
    expect(rows()).toMatchObject([1, 3, 5].map((number) => ({ session_id: "ses_a", number, last: number + 1 })));
    store.appendMessage(prompt("four"));
    expect(store.messagesOf("ses_a").map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(store.messagesOf("ses_b")).toHaveLength(1);
    expect(rows()).toHaveLength(5);
  } finally {
    file.close();
  }
});

test("more sessions than have a stretch in memory lose nothing", () => {
  const ids = Array.from({ length: maxOpenSegments + 10 }, (_, index) => `ses_${index}`);
  for (const round of ["one", "two"]) for (const id of ids) store.appendMessage(prompt(round, id));
  for (const id of ids) expect(contents(store.messagesOf(id))).toEqual(["one", "two"]);
});
