import { defineConfig } from "vitest/config";
import { patienceMs } from "./test/support/conditions.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/own-environment.ts"],
    // Only for what hangs: whatever is waited for has its own end, which says what did not come.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: patienceMs } },
    // Integration tests start real daemons and agents; two at a time is what a small machine can take.
    maxWorkers: 2,
    // A machine that is busy with other things makes real processes late; a test that fails twice is broken.
    retry: process.env["CI"] ? 1 : 0,
    pool: "forks",
  },
});
