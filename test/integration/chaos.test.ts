/** A short chaos run; `npm run test:chaos` has the long ones, with a fresh seed each time (test/chaos). */
import { expect, test } from "vitest";
import { runChaos } from "../chaos/chaos.ts";
import { seed } from "../support/seed.ts";

test("whatever happens by chance, nothing is left, nothing is lost, and every delegation ends once", async () => {
  const report = await runChaos({ seed, durationMs: 14_000, quietEveryMs: 6000, crashEveryMs: 4000 });
  expect(report.sessions, `sessions with seed ${seed}`).toBeGreaterThan(0);
});
