/** Whom a message is for, when no more than its two ends are there. */
import { expect, test } from "vitest";
import { messageEnds } from "../../../src/acp/message-ends.ts";

const cut = (line: string, bytes = 60): { head: string; tail: string } => ({
  head: line.slice(0, bytes),
  tail: line.slice(-bytes),
});
const much = "x".repeat(500);

test.each([
  ["an answer", { jsonrpc: "2.0", id: 7, result: { much } }, { kind: "answer", id: 7 }],
  ["an answer whose id is the last", { jsonrpc: "2.0", result: { much }, id: 7 }, { kind: "answer", id: 7 }],
  ["an error", { id: 'a"b', jsonrpc: "2.0", error: { message: much } }, { kind: "answer", id: 'a"b' }],
  ["a request", { jsonrpc: "2.0", id: 0, method: "m", params: { much } }, { kind: "request", id: 0, method: "m" }],
  ["a request, id last", { method: "m", params: { much }, id: null }, { kind: "request", id: null, method: "m" }],
  ["a notification", { jsonrpc: "2.0", method: "m", params: { much } }, { kind: "notification", method: "m" }],
  ["one that hides its kind", { params: { much }, method: "m", id: 1 }, { kind: "unknown", id: 1 }],
])("%s", (_name, message, expected) => {
  expect(messageEnds(cut(JSON.stringify(message)))).toMatchObject(expected);
});

test("an id inside of what was cut is nobody's, and neither is one that was cut itself", () => {
  expect(messageEnds(cut(JSON.stringify({ method: "m", params: { much, id: 3 } }))).kind).toBe("notification");
  expect(messageEnds(cut(JSON.stringify({ result: { much, id: 3 } }))).id).toBeUndefined();
  expect(messageEnds({ head: '{"jsonrpc":"2.0","id":12', tail: "x" }).id).toBeUndefined();
  expect(messageEnds({ head: "no JSON", tail: "at all" })).toEqual({
    kind: "unknown",
    id: undefined,
    method: undefined,
  });
});

test.each([
  ["an escape that there is not", '{"id":1,"method":"\\q",', ""],
  ["a number with a zero before it", '{"method":"m","id":007,', ""],
  ["a tab within a text", '{"id":"a\tb","method":"m",', ""],
  ["an id at the end that is none", '{"method":"m","params":{', '}},"id":"\\q"}'],
])("what is no JSON is nobody's: %s", (_what, head, tail) => {
  const { id, method } = messageEnds({ head, tail });
  expect(id === undefined || method === undefined).toBe(true);
});
