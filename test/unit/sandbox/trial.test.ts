/** The trial of a mechanism that does not come to an end. */
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { trialTimeoutMs, tryMechanism } from "../../../src/sandbox/trial.ts";
import { aliveWithCommand } from "../../support/processes.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-trial-")));
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

test("one that does not answer is given up on, and nothing of it is left", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const began = join(folder, "began");
  const script = `touch ${began}; exec tail -f ${began}`;
  const trial = tryMechanism(folder, (spec) => ({ ...spec, args: ["-c", script] }));
  while (!existsSync(began)) await nextTurn();
  vi.advanceTimersByTime(trialTimeoutMs);
  vi.useRealTimers();
  expect(await trial).toMatchObject({ problem: "it did not answer in time" });
  expect(aliveWithCommand(began)).toEqual([]);
});
