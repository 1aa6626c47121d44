/** What every error has in common, whoever's words its message quotes. */
import { expect, test } from "vitest";
import { defineError, maxErrorBytes } from "../../../src/base/errors.ts";

const failed = defineError("CRU_TEST", "agentFailed", "In a test.");

test("a message is kept whole up to the limit, and beyond it head and tail, with what is left out in numbers", () => {
  const whole = "é".repeat(maxErrorBytes / 2);
  expect(failed.create(whole).message).toBe(whole);

  const { message } = failed.create(`it said: ${"é".repeat(maxErrorBytes)}, and ended`);
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(maxErrorBytes);
  expect(message).toMatch(/^it said: é+ \[… \d+ bytes are left out here …\] é+, and ended$/);
});
