import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Integration tests start real daemons and agents; two at a time is what a small machine can take.
    maxWorkers: 2,
    // A machine that is busy with other things makes real processes late; a test that fails twice is broken.
    retry: process.env["CI"] ? 1 : 0,
    pool: "forks",
  },
});
