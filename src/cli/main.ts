/** Where the program begins, once bin/crucible.js has found Node.js new enough. */
import { runCommandLine } from "./run.ts";
import { exitCodeOfSignal } from "./signals.ts";

async function endWithBug(error: unknown): Promise<void> {
  // The daemon has a handler of its own, which ends its agents first.
  if (process.listenerCount("uncaughtException") > 1) return;
  const { reportError } = await import("./exit.ts");
  process.exit(await reportError(error));
}

process.on("uncaughtException", (error) => void endWithBug(error));

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // What has something to end first listens for itself.
    if (process.listenerCount(signal) === 1) process.exit(exitCodeOfSignal(signal));
  });
}

process.exit(await runCommandLine(process.argv.slice(2)));
