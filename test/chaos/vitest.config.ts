import { defineConfig } from "vitest/config";

/** The long runs, which are no part of the suite; started by run.mjs. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/chaos/*.chaos.ts"],
    fileParallelism: false,
    disableConsoleIntercept: true,
    pool: "forks",
  },
});
