/** What a transcript keeps of a session, and that it never keeps more than it may. */
import { expect, test } from "vitest";
import { maxEntryBytes, maxTranscriptBytes, Transcript } from "../../../src/sessions/transcript.ts";

const text = (value: string) => ({ type: "text", text: value });

function said(transcript: Transcript, value: string): void {
  transcript.updated({ sessionId: "s", update: { sessionUpdate: "agent_message_chunk", content: text(value) } });
}

function prompted(transcript: Transcript, ...prompt: unknown[]): void {
  transcript.prompted({ sessionId: "s", prompt });
}

function tool(transcript: Transcript, update: Record<string, unknown>): void {
  transcript.updated({ sessionId: "s", update: { sessionUpdate: "tool_call", toolCallId: "1", ...update } });
}

function size(transcript: Transcript): number {
  return JSON.stringify(transcript.turns()).length;
}

test("a turn is what the user said and what followed, with chunks joined", () => {
  const transcript = new Transcript();
  prompted(transcript, text("hello"));
  said(transcript, "hi ");
  said(transcript, "there");
  prompted(transcript, text("and"), text("then"));
  expect(transcript.turns()).toEqual([
    {
      entries: [
        { kind: "user", text: "hello" },
        { kind: "agent", text: "hi there" },
      ],
      droppedEntries: 0,
    },
    { entries: [{ kind: "user", text: "and\nthen" }], droppedEntries: 0 },
  ]);
});

test("reading it in the middle of a message does not end the message", () => {
  const transcript = new Transcript();
  prompted(transcript, text("go"));
  said(transcript, "a");
  transcript.turns();
  said(transcript, "b");
  expect(transcript.turns()[0]?.entries[1]).toEqual({ kind: "agent", text: "ab" });
});

test("what is not text is named, and its content is not kept", () => {
  const transcript = new Transcript();
  prompted(
    transcript,
    { type: "resource_link", uri: "file:///a.ts", name: "a.ts" },
    { type: "resource", resource: { uri: "file:///b.ts", text: "SECRET" } },
    { type: "image", data: "AAAA", mimeType: "image/png" },
  );
  expect(transcript.turns()[0]?.entries).toEqual([
    { kind: "user", text: "[link: file:///a.ts]\n[attached: file:///b.ts]\n[image]" },
  ]);
});

test("a tool call is one entry that its updates complete", () => {
  const transcript = new Transcript();
  prompted(transcript, text("go"));
  tool(transcript, { title: "Read a.ts", kind: "read", status: "pending", locations: [{ path: "/a.ts" }] });
  said(transcript, "meanwhile");
  tool(transcript, {
    sessionUpdate: "tool_call_update",
    status: "completed",
    content: [{ type: "content", content: text("line 1") }],
  });
  expect(transcript.turns()[0]?.entries.slice(1)).toEqual([
    expect.objectContaining({
      kind: "tool",
      title: "Read a.ts",
      toolKind: "read",
      status: "completed",
      locations: ["/a.ts"],
      output: "line 1",
    }),
    { kind: "agent", text: "meanwhile" },
  ]);
});

test("a raw output stands in where an agent shows no content", () => {
  const transcript = new Transcript();
  prompted(transcript, text("go"));
  tool(transcript, { title: "ls", kind: "execute", rawOutput: { output: "a.ts" } });
  expect(transcript.turns()[0]?.entries[1]).toMatchObject({ output: "a.ts" });
});

test("thoughts and unknown updates are not part of it", () => {
  const transcript = new Transcript();
  prompted(transcript, text("go"));
  transcript.updated({ update: { sessionUpdate: "agent_thought_chunk", content: text("hm") } });
  transcript.updated({ update: { sessionUpdate: "from_the_future", content: text("x") } });
  transcript.updated("garbage");
  expect(transcript.turns()[0]?.entries).toHaveLength(1);
});

test("a conversation that is loaded falls into its turns", () => {
  const transcript = new Transcript();
  const user = (value: string) =>
    transcript.updated({ update: { sessionUpdate: "user_message_chunk", content: text(value) } });
  user("fi");
  user("rst");
  said(transcript, "one");
  user("second");
  said(transcript, "two");
  prompted(transcript, text("third"));
  expect(transcript.turns().map(({ entries }) => entries[0])).toEqual([
    { kind: "user", text: "first" },
    { kind: "user", text: "second" },
    { kind: "user", text: "third" },
  ]);
});

test("what delegations brought back is marked as such", () => {
  const transcript = new Transcript();
  prompted(transcript, text("go"));
  transcript.delegated({ agent: "opencode", title: "look", status: "completed", result: "found it" });
  expect(transcript.turns()[0]?.entries[1]).toMatchObject({
    kind: "delegation",
    agent: "opencode",
    result: "found it",
  });
});

test("more turns than it may keep: the oldest go, and are counted", () => {
  const transcript = new Transcript();
  for (let turn = 0; turn < 100; turn++) {
    prompted(transcript, text(`turn ${turn}`));
    said(transcript, "x".repeat(maxEntryBytes / 2));
  }
  const turns = transcript.turns();
  expect(turns.length + transcript.droppedTurns).toBe(100);
  expect(turns.at(-1)?.entries[0]).toEqual({ kind: "user", text: "turn 99" });
  expect(size(transcript)).toBeLessThan(maxTranscriptBytes * 1.05);
  expect(size(transcript)).toBeGreaterThan(maxTranscriptBytes * 0.75);
});

test("of one message that is too long head and tail stay, and what is missing is told", () => {
  const transcript = new Transcript();
  prompted(transcript, text("go"));
  said(transcript, `head ${"x".repeat(maxEntryBytes)} tail`);
  const kept = transcript.turns()[0]?.entries.at(-1) as { text: string };
  expect(Buffer.byteLength(kept.text)).toBeLessThanOrEqual(maxEntryBytes);
  expect(kept.text).toMatch(/^head x+[^x]*\d[^x]*x+ tail$/);
});

test("one turn that is longer than all it may keep loses its beginning", () => {
  const transcript = new Transcript();
  prompted(transcript, text("the question"));
  for (let chunk = 0; chunk < 40; chunk++) said(transcript, "y".repeat(maxEntryBytes - 10));
  said(transcript, "the end");
  const [turn] = transcript.turns();
  expect(turn?.droppedEntries).toBeGreaterThan(0);
  expect(JSON.stringify(turn)).toContain("the end");
  expect(size(transcript)).toBeLessThan(maxTranscriptBytes * 1.05);
});

test("updates of a tool call still reach it after the beginning of its turn is gone", () => {
  const transcript = new Transcript();
  prompted(transcript, text("go"));
  for (let chunk = 0; chunk < 20; chunk++) said(transcript, "z".repeat(maxEntryBytes - 10));
  tool(transcript, { title: "late", kind: "execute" });
  for (let chunk = 0; chunk < 5; chunk++) said(transcript, "z".repeat(maxEntryBytes - 10));
  tool(transcript, { sessionUpdate: "tool_call_update", status: "completed" });
  const tools = transcript.turns()[0]?.entries.filter(({ kind }) => kind === "tool");
  expect(tools).toEqual([expect.objectContaining({ title: "late", status: "completed" })]);
});

test("empty turns and calls without words are bounded as well", () => {
  const transcript = new Transcript();
  for (let turn = 0; turn < 30_000; turn++) prompted(transcript);
  expect(transcript.turns().length).toBeLessThan(5000);
  for (let call = 0; call < 50_000; call++) tool(transcript, { toolCallId: String(call) });
  expect(transcript.turns().reduce((sum, { entries }) => sum + entries.length, 0)).toBeLessThan(5000);
});

test("whatever of a tool call is long counts", () => {
  const transcript = new Transcript();
  const long = "x".repeat(maxTranscriptBytes / 4);
  for (let call = 0; call < 20; call++) tool(transcript, { toolCallId: `${long}${call}` });
  for (let call = 0; call < 20; call++) tool(transcript, { toolCallId: String(call), kind: long, status: long });
  expect(transcript.turns().reduce((sum, { entries }) => sum + entries.length, 0)).toBeLessThan(5);
});
