// Starts the program in its arguments on its own stdin and stdout, and exits with 0 at once.
import { spawn } from "node:child_process";

const [command, ...args] = process.argv.slice(2);
spawn(command, args, { stdio: "inherit", detached: true }).unref();
