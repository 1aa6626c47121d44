/** How a child's end becomes a result: stop reasons, and the cut to what its caller may receive. */
import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { byteRange } from "../../../src/base/text.ts";
import { endingOf, silence, toResult } from "../../../src/delegation/result.ts";
import { delegation } from "../sessions/stored.ts";

const anyText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 4000 }),
  fc
    .array(fc.constantFrom("a", "é", "語", "🦀", "👩‍👩‍👧", "\n", "\u0301"), { maxLength: 3000 })
    .map((parts) => parts.join("")),
);

test("any text is cut within the cap at character borders, with head, tail and the right count", () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1024, max: 6000 }), (text, maxBytes) => {
      const bytes = Buffer.byteLength(text);
      const { result, truncated, result_bytes: total } = toResult(delegation("del_x", { result: text }), maxBytes);
      expect(total).toBe(bytes);
      expect(truncated).toBe(bytes > maxBytes);
      if (!truncated) {
        expect(result).toBe(text);
        return;
      }
      expect(Buffer.byteLength(result)).toBeLessThanOrEqual(maxBytes);
      const [marker, omitted] = /\n\n\[… (\d+) bytes[^\]]*\]\n\n/.exec(result) ?? [];
      expect(marker).toContain('read_delegation with id "del_x"');
      const at = result.indexOf(marker!);
      const [head, tail] = [result.slice(0, at), result.slice(at + marker!.length)];
      expect(text.startsWith(head)).toBe(true);
      expect(text.endsWith(tail)).toBe(true);
      expect(Number(omitted)).toBe(bytes - Buffer.byteLength(head) - Buffer.byteLength(tail));
      expect(Buffer.from(result).toString()).toBe(result);
    }),
  );
});

test("pages of any size reassemble to the text, and each offset is where the last page ended", () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1, max: 300 }), (text, maxBytes) => {
      let read = "";
      let offset: number | null = 0;
      while (offset !== null) {
        const page: ReturnType<typeof byteRange> = byteRange(text, { offset, maxBytes });
        expect(page.offset).toBe(offset);
        expect(page.totalBytes).toBe(Buffer.byteLength(text));
        // A page smaller than a character holds one all the same, else a reader would never arrive.
        expect(Buffer.byteLength(page.text)).toBeLessThanOrEqual(Math.max(maxBytes, 4));
        expect(page.nextOffset === null || page.nextOffset > offset).toBe(true);
        read += page.text;
        offset = page.nextOffset;
      }
      expect(read).toBe(text);
    }),
    { numRuns: 50 },
  );
});

test("one that has not ended is a handle without text", () => {
  for (const status of ["queued", "running"] as const) {
    const record = delegation("del_x", { status, result: "half a", endedAt: null, stopReason: null });
    expect(toResult(record, 1024)).toMatchObject({ status: "running", result: "", truncated: false });
  }
});

describe("only end_turn is success", () => {
  test("for any other stop reason there is an error with a code, and the reason is kept as it came", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constantFrom("refusal", "cancelled", "max_tokens", "max_turn_requests")),
        (reason) => {
          fc.pre(reason !== "end_turn");
          const { status, stopReason, error } = endingOf(reason, "agent");
          expect(status).not.toBe("completed");
          expect(stopReason).toBe(reason);
          expect(error).toMatchObject({ code: expect.stringMatching(/^CRU_/) as string });
        },
      ),
    );
  });

  test("an answer without any is a failure too", () => {
    expect(endingOf(null, "agent")).toMatchObject({ status: "failed", stopReason: null });
  });
});

test.each([
  [0, /without using a tool/],
  [1, /1 tool call\./],
  [2, /2 tool calls\./],
])("silence after %i tool calls is stated", (toolCalls, words) => {
  expect(silence(toolCalls)).toMatch(words);
});
