/** A caller that cannot be served, and how long and how far its first request is listened to. */
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { firstRequestTimeoutMs, maxRequestBytes, refuseCaller } from "../../../src/cli/refused-caller.ts";
import { daemonUnreachable } from "../../../src/control/errors.ts";

const streams = () => ({ input: new PassThrough(), output: new PassThrough() });

beforeEach(() => {
  vi.spyOn(process.stderr, "write").mockImplementation((...args: unknown[]) => {
    (args.at(-1) as () => void)();
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("one that asks nothing is waited for so long and no longer", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const over = vi.fn();
  const refused = refuseCaller(daemonUnreachable.create("no daemon"), streams()).finally(over);
  await vi.advanceTimersByTimeAsync(firstRequestTimeoutMs - 1);
  expect(over).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(await refused).toBe(3);
});

test.each([
  ["a request of the largest size is answered", maxRequestBytes, "CRU_DAEMON_UNREACHABLE"],
  ["a first request that is larger is not answered", maxRequestBytes + 1, undefined],
])("%s", async (_, bytes, code) => {
  const caller = streams();
  const refused = refuseCaller(daemonUnreachable.create("no daemon"), caller);
  const [head, tail] = ['{"jsonrpc":"2.0","id":7,"method":"initialize","params":"', '"}'];
  caller.input.end(`${head}${"x".repeat(bytes - head.length - tail.length)}${tail}\n`);
  expect(await refused).toBe(3);
  const answer = caller.output.read() as Buffer | null;
  expect(answer && JSON.parse(String(answer))).toEqual(
    code
      ? expect.objectContaining({ id: 7, error: expect.objectContaining({ data: expect.objectContaining({ code }) }) })
      : null,
  );
});
