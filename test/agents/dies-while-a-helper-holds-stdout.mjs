// Leaves a helper that keeps stdout open, and ends with the exit code in its arguments.
import { spawn } from "node:child_process";

spawn("sleep", ["1000"], { stdio: ["ignore", "inherit", "ignore"], detached: true }).unref();
process.stdout.write("last words\n");
process.exitCode = Number(process.argv[2]);
