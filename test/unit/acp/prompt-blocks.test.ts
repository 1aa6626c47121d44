/** A prompt written for one agent, for another that takes less. */
import { expect, test } from "vitest";
import { fittingBlocks } from "../../../src/acp/prompt-blocks.ts";
import { withToolCallPrefix } from "../../../src/acp/tool-call-ids.ts";

const text = { type: "text", text: "see" };
const link = { type: "resource_link", uri: "file:///a", name: "a" };
const image = { type: "image", data: "AA==", mimeType: "image/png" };
const named = { ...image, uri: "file:///shots/one.png" };
const file = { type: "resource", resource: { uri: "file:///a/b.txt", text: "line" } };
const blob = { type: "resource", resource: { uri: "file:///a/b.bin", blob: "AA==" } };
const unknown = { type: "hologram", data: 1 };

test("what an agent takes, and what every agent takes, stays as it is; so does what nobody knows", () => {
  const all = [text, link, image, file, blob, unknown, "odd"];
  expect(fittingBlocks(all, { image: true, audio: true, embeddedContext: true })).toEqual(all);
  expect(fittingBlocks([text, link, unknown], {})).toEqual([text, link, unknown]);
});

test("what an agent does not take becomes text or a link, and nothing is left out silently", () => {
  expect(fittingBlocks([image, named, file, blob], {})).toEqual([
    { type: "text", text: "[image left out: you cannot be given any]" },
    { type: "resource_link", uri: "file:///shots/one.png", name: "one.png" },
    { type: "text", text: "\n[file:///a/b.txt]\nline\n" },
    { type: "resource_link", uri: "file:///a/b.bin", name: "b.bin" },
  ]);
});

test("a tool call's id is prefixed in updates and in questions, and nothing else is touched", () => {
  const update = {
    sessionId: "s",
    update: { sessionUpdate: "tool_call", toolCallId: "1", title: "t" },
    _meta: { a: 1 },
  };
  expect(withToolCallPrefix(update, "p")).toEqual({ ...update, update: { ...update.update, toolCallId: "p:1" } });
  const question = { sessionId: "s", toolCall: { toolCallId: "1" }, options: [] };
  expect(withToolCallPrefix(question, "p")).toEqual({ ...question, toolCall: { toolCallId: "p:1" } });
  for (const other of [{ update: { sessionUpdate: "plan" } }, { toolCall: null }, null, [1], "text"]) {
    expect(withToolCallPrefix(other, "p")).toBe(other);
  }
});
