/** A short chaos run with a fresh seed each time; `npm run test:chaos` has the long ones (test/chaos). */
import { expect, test } from "vitest";
import { runChaos } from "../chaos/chaos.ts";

test("whatever happens by chance, nothing is left, nothing is lost, and every delegation ends once", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const report = await runChaos({ seed, durationMs: 14_000, quietEveryMs: 6000, crashEveryMs: 4000 });
  expect(report.sessions, `sessions with seed ${seed}`).toBeGreaterThan(0);
}, 120_000);
