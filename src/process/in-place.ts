/** Runs a program as if it had been started in place of this one: with its streams, and telling how it ended as a shell does. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Codes of a shell for a program that is not there, or cannot be run. */
const notFound = 127;
const notRunnable = 126;

/** Resolves to the program's exit code, or to 128 and the number of the signal that ended it. Never rejects. */
export function runInPlace(command: string, args: readonly string[]): Promise<number> {
  // What is meant for the program is sent to it: this one ends when it has ended.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  const child = spawn(command, args, { stdio: "inherit" });
  return new Promise((resolve) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(error.code === "ENOENT" ? notFound : notRunnable);
    });
    child.once("exit", (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 1)));
  });
}
