/** One long run, as run.mjs asks for it in the environment; what it came to is written where run.mjs looks for it. */
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runChaos } from "./chaos.ts";

const { CHAOS_SEED = "1", CHAOS_SECONDS = "300", CHAOS_REPORT = "" } = process.env;
const durationMs = Number(CHAOS_SECONDS) * 1000;

test(
  `chaos with seed ${CHAOS_SEED} for ${CHAOS_SECONDS} s`,
  async () => {
    const report = await runChaos({
      seed: Number(CHAOS_SEED),
      durationMs,
      quietEveryMs: 10_000,
      crashEveryMs: 15_000,
      onQuiet: (line) => console.log(line),
    });
    writeFileSync(CHAOS_REPORT, JSON.stringify(report));
    expect(report.sessions).toBeGreaterThan(0);
  },
  durationMs + 300_000,
);
