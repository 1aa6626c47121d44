/** Messages are read as JSON.parse reads them, whatever came before; a stream is read without parsing its messages. */
import * as fc from "../../support/fast-check.ts";
import { afterEach, describe, expect, test, vi } from "vitest";
import { MessageReader } from "../../../src/acp/message-reader.ts";

/** A piece of streamed text, as agents write it. */
function piece(text: unknown, { update = {}, content = {}, params = {} } = {}): string {
  const whole = { sessionUpdate: "agent_message_chunk", content: { type: "text", text, ...content }, ...update };
  return JSON.stringify({
    jsonrpc: "2.0",
    method: "session/update",
    params: { sessionId: "s", update: whole, ...params },
  });
}

const before = piece("first");
const others: Record<string, string> = {
  "a text with quotes, escapes and other scripts": piece('"}}}}\n\\" 語 \u0000 🦀 \ud800'),
  "an empty text": piece(""),
  "more behind the text": piece("a", { content: { annotations: null } }),
  "more behind the content": piece("a", { update: { messageId: "m" } }),
  "more behind the update": piece("a", { params: { _meta: { text: "first" } } }),
  "another session": piece("a").replace('"s"', '"t"'),
  "what is no text in its place": piece({ text: "a" }),
  "two texts, of which the last counts": before.replace('"text":"first"', '"text":"first","text":"last"'),
  "a second message behind it": before.replace('"first"', '"a","text":"b"}}}},{"a":{"b":{"c":{"text":"d"'),
  spaces: before.replaceAll(":", " : "),
  "escapes where none are needed": before.replace("first", "\\u0066irst"),
  "a member called __proto__": before.replace('"type"', '"__proto__":{"a":1},"type"'),
  "no object": "7",
  "cut off": before.slice(0, -1),
  "too long by a brace": `${before}}`,
  nothing: "",
};

/** What JSON.parse gives, or how it fails. */
function outcome(read: () => unknown): unknown {
  try {
    return { gives: read() };
  } catch (error) {
    return error instanceof SyntaxError ? "fails" : error;
  }
}

describe("a line is read as JSON.parse reads it", () => {
  for (const [what, line] of Object.entries(others)) {
    test(`${what}, before and after others`, () => {
      const reader = new MessageReader();
      for (const one of [before, line, line, before, line]) {
        expect(outcome(() => reader.read(one))).toStrictEqual(outcome(() => JSON.parse(one) as unknown));
      }
    });
  }

  test("whatever an agent streams", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("the text", '"', "\\", "}}}}", '","text":"'));
    const extra = fc.dictionary(fc.constantFrom("text", "messageId", "_meta", "1", "content"), fc.jsonValue());
    const line = fc
      .tuple(text, fc.constantFrom({}, { messageId: "m" }), extra, fc.boolean())
      .map(([said, update, content, spaced]) => {
        const written = piece(said, { update, content });
        return spaced ? written.replace(":", ": ") : written;
      });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const reader = new MessageReader();
        for (const one of lines) expect(reader.read(one)).toStrictEqual(JSON.parse(one));
      }),
    );
  });
});

describe("of a stream", () => {
  afterEach(() => void vi.restoreAllMocks());

  test("the text alone is parsed, from the second message on", () => {
    const reader = new MessageReader();
    const first = reader.read(before);
    const parse = vi.spyOn(JSON, "parse");
    const second = reader.read(piece("and \n more", {}));
    expect(parse.mock.calls).toEqual([['"and \\n more"']]);
    expect(second).toEqual(JSON.parse(piece("and \n more")));
    expect(first).toEqual(JSON.parse(before));
  });
});
