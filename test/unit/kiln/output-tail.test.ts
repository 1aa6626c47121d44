/** The end of an output, cut anywhere: never more bytes than allowed, never half a character, and nothing lost that fits. */
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { OutputTail } from "../../../src/kiln/output-tail.ts";

const text = fc.string({ unit: fc.constantFrom("a", "\n", "ä", "三", "🦀"), maxLength: 60 });

test("for any text in any pieces it is the longest end that fits", () => {
  fc.assert(
    fc.property(text, fc.nat(80), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (whole, limit, sizes) => {
      const tail = new OutputTail(limit);
      const bytes = Buffer.from(whole);
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        tail.push(bytes.subarray(at, at + size));
        at += size;
      }
      const { output, truncated } = tail.read();
      expect(truncated).toBe(bytes.length > limit);
      expect(whole.endsWith(output)).toBe(true);
      expect(Buffer.byteLength(output)).toBeLessThanOrEqual(limit);
      const longer = Array.from(whole)
        .slice(-(Array.from(output).length + 1))
        .join("");
      if (truncated) expect(Buffer.byteLength(longer)).toBeGreaterThan(limit);
      else expect(output).toBe(whole);
    }),
  );
});

test("a character that has not arrived whole is not shown yet", () => {
  const tail = new OutputTail(100);
  const bytes = Buffer.from("a🦀");
  tail.push(bytes.subarray(0, 3));
  expect(tail.read()).toEqual({ output: "a", truncated: false });
  tail.push(bytes.subarray(3));
  expect(tail.read()).toEqual({ output: "a🦀", truncated: false });
});

test("output that comes byte by byte takes no more space", () => {
  const tail = new OutputTail(1000);
  for (let round = 0; round < 10_000; round++) tail.push(Buffer.from(String(round % 10)));
  expect(tail.read()).toEqual({ output: "0123456789".repeat(100), truncated: true });
});

test("a flood is held in the space of its end", () => {
  const tail = new OutputTail(1000);
  const chunk = Buffer.alloc(64 * 1024, "x");
  for (let round = 0; round < 1000; round++) tail.push(chunk);
  expect(tail.read()).toEqual({ output: "x".repeat(1000), truncated: true });
});

test("what is no text is shown as far as it goes", () => {
  const tail = new OutputTail(10);
  tail.push(Buffer.from([0xff, 0x80, 0x80, 0x80, 0x80, 0x41]));
  expect(tail.read().output).toMatch(/A$/);
});
