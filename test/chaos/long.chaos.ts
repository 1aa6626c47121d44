/** One long run, as run.mjs asks for it in the environment; what it came to is written where run.mjs looks for it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runChaos } from "./chaos.ts";

const { CHAOS_SEED = "1", CHAOS_SECONDS = "300", CHAOS_REPORTS = "" } = process.env;
const durationMs = Number(CHAOS_SECONDS) * 1000;

test.runIf(durationMs > 0)(
  `chaos with seed ${CHAOS_SEED} for ${CHAOS_SECONDS} s`,
  async () => {
    const report = await runChaos({
      seed: Number(CHAOS_SEED),
      durationMs,
      quietEveryMs: 10_000,
      crashEveryMs: 15_000,
      onQuiet: (line) => console.log(line),
    });
    writeFileSync(join(CHAOS_REPORTS, "chaos.json"), JSON.stringify(report));
    expect(report.sessions).toBeGreaterThan(0);
  },
  durationMs + 300_000,
);
