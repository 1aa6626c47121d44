/** Looking at real processes from tests: who lives. */
import { readdirSync, readFileSync } from "node:fs";

// Tests of processes wait all the time.
export { until } from "./conditions.ts";

/** A process that has ended but was not reaped counts as dead. */
export function isAlive(pid: number): boolean {
  const state = read(pid, "stat")?.replace(/^.*\) /s, "")[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Pids of all living processes whose environment holds `text`. */
export function aliveWithEnvironment(text: string): number[] {
  return pids().filter((pid) => isAlive(pid) && read(pid, "environ")?.includes(text));
}

/** Pids of all living processes whose command line holds `text`. */
export function aliveWithCommand(text: string): number[] {
  return pids().filter((pid) => isAlive(pid) && read(pid, "cmdline")?.replaceAll("\0", " ").includes(text));
}

export function parentOf(pid: number): number | undefined {
  const fields = read(pid, "stat")
    ?.replace(/^.*\) /s, "")
    .split(" ");
  return fields && Number(fields[1]);
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return undefined;
  }
}
