/** A launcher with a state folder of its own, for one test; all it started is ended with it. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LaunchSpec, RunningProcess } from "../../../src/process/child.ts";
import { createLauncher, type LauncherOptions, type LocalLauncher } from "../../../src/process/launcher.ts";

const agents = join(import.meta.dirname, "../../agents");

/** Path of one of the tiny agents in test/agents. */
export function agentFile(name: string): string {
  return join(agents, name);
}

/** How to start a tiny agent. */
export function agentSpec(name: string, ...args: string[]): LaunchSpec {
  const env = { PATH: process.env["PATH"]! };
  const common = { label: name, cwd: tmpdir(), env };
  if (name.endsWith(".mjs")) return { ...common, command: process.execPath, args: [agentFile(name), ...args] };
  return { ...common, command: agentFile(name), args };
}

/** A grace that an agent lets pass, and then one that it does not need: also on a busy machine what ends it is the signal it heeds. */
export function shortThenLong(): () => number {
  let graces = 0;
  return () => (graces++ === 0 ? 200 : 60_000);
}

export interface TestLauncher extends AsyncDisposable {
  launch: LocalLauncher;
  stateDirectory: string;
  warnings: string[];
  /** Names of the files in the journal. */
  journal(): Promise<string[]>;
}

export async function testLauncher(options: Partial<LauncherOptions> = {}): Promise<TestLauncher> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "crucible-process-"));
  const warnings: string[] = [];
  const launch = createLauncher({
    stateDirectory,
    graceMs: () => 200,
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  return {
    launch,
    stateDirectory,
    warnings,
    journal: () => readdir(join(stateDirectory, "processes")),
    async [Symbol.asyncDispose]() {
      await launch.close();
      await rm(stateDirectory, { recursive: true });
    },
  };
}

/** Reads stdout until it holds `text`. */
export async function said(child: RunningProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const onData = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!output.includes(text)) return;
      child.stdout.off("data", onData);
      resolve(output);
    };
    child.stdout.on("data", onData);
    child.stdout.once("close", () => reject(new Error(`stdout closed after ${JSON.stringify(output)}`)));
  });
}
