// Crashes and leaves a helper that has inherited stdin, stdout and stderr.
import { spawn } from "node:child_process";

spawn("sleep", ["1000"], { stdio: "inherit", detached: true }).unref();
process.exitCode = 1;
