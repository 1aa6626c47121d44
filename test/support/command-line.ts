/**
 * `crucible` for a user who has only what a test gives them: no configuration, no daemon, everything in its default place.
 * At the end of the test the daemon is stopped, and nothing may be left behind.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { createTestHome, type Finished, type RunOptions } from "./daemon.ts";

const program = fileURLToPath(new URL("../../bin/crucible.js", import.meta.url));

export interface CrucibleUser {
  /** Holds all there is: `home`, `kiln`, `state`, `run`. */
  readonly folder: string;
  /** Where commands run unless told otherwise. */
  readonly project: string;
  readonly socketPath: string;
  /** Writes a file below the folder and returns its path. */
  write(name: string, text: string): string;
  /** Starts `crucible` with these arguments. */
  start(args: readonly string[], env?: Record<string, string>): ChildProcessWithoutNullStreams;
  /** Runs it to its end. */
  run(args: readonly string[], options?: RunOptions): Promise<Finished>;
}

export async function crucibleUser(): Promise<CrucibleUser> {
  const home = await createTestHome("");
  // The login shell of whoever runs the tests is not this user's.
  const own = { ...home.env, SHELL: "/bin/false" };
  const started: ChildProcessWithoutNullStreams[] = [];
  onTestFinished(async () => {
    await home.crucible(["stop"], { cwd: "/" });
    // A test that failed may have left these; what a daemon left is found by the home.
    for (const child of started) child.kill("SIGKILL");
    await home[Symbol.asyncDispose]();
  });
  return {
    folder: home.folder,
    project: home.kiln,
    socketPath: join(home.folder, "run", "crucible", "daemon.sock"),
    write(name, text) {
      const file = join(home.folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    start(args, env = {}) {
      const child = spawn(process.execPath, [program, ...args], { cwd: home.kiln, env: { ...own, ...env } });
      started.push(child);
      return child;
    },
    run: (args, options = {}) => home.crucible(args, { ...options, env: { ...own, ...options.env } }),
  };
}

/** Gathers what a program writes until it ends. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout, stderr };
}
