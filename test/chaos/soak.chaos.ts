/** One long life of a daemon, as run.mjs asks for it in the environment. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { runSoak } from "./soak.ts";

const { CHAOS_SESSIONS = "5000", CHAOS_REPORTS = "" } = process.env;
const sessions = Number(CHAOS_SESSIONS);

test.runIf(sessions > 0)(
  `${CHAOS_SESSIONS} sessions in one life of a daemon`,
  async () => {
    const report = await runSoak({ sessions, onRound: (line) => console.log(line) });
    writeFileSync(join(CHAOS_REPORTS, "soak.json"), JSON.stringify(report));
  },
  sessions * 500 + 60_000,
);
