/** Which lines of an agent go out as they came, with another session id put in. */
import { expect, test } from "vitest";
import { lineRenamer } from "../../../src/acp/session-message.ts";

const renamed = lineRenamer("agents", "ses_1");

test("a line with the id in its one place goes out with the other id, and is the same else", () => {
  const line = '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"agents","update":{"a":[1.0]}}}';
  expect(renamed(line)).toBe(line.replace("agents", "ses_1"));
});

test.each([
  ["with the id twice", '{"jsonrpc":"2.0","params":{"sessionId":"agents","a":"agents"}}'],
  ["with the id as something else", '{"jsonrpc":"2.0","params":{"other":"agents"}}'],
  ["with escapes", '{"jsonrpc":"2.0","params":{"sessionId":"agents","a":"\\u0041"}}'],
  [
    "that begins as the daemon's own words do",
    '{"crucible":{"refused":{}},"jsonrpc":"2.0","params":{"sessionId":"agents"}}',
  ],
])("a line %s is written anew", (_what, line) => {
  expect(renamed(line)).toBeUndefined();
});
