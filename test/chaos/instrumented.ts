/** A daemon whose clock can be moved and whose memory can be measured, by a module that is loaded before it (under-test.mjs). */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { until } from "../support/conditions.ts";
import type { TestDaemon, TestHome } from "../support/daemon.ts";

/** Has the daemons of this home load it. */
export function instrument(home: TestHome): void {
  home.env["CHAOS_CLOCK"] = clockOf(home);
  home.env["CHAOS_MEMORY"] = memoryOf(home);
  home.env["NODE_OPTIONS"] = `--import=${pathToFileURL(join(import.meta.dirname, "under-test.mjs")).href}`;
}

/** The wall clock of the daemon is so far off from now on, in milliseconds. */
export function moveClock(home: TestHome, offsetMs: number): void {
  writeFileSync(clockOf(home), String(offsetMs));
}

/** What the daemon has in use once its garbage is collected, in megabytes. */
export async function usedMb(daemon: TestDaemon): Promise<number> {
  const file = memoryOf(daemon.home);
  rmSync(file, { force: true });
  daemon.kill("SIGUSR2");
  await until(() => existsSync(file), { what: "the daemon's memory to be measured", timeoutMs: 30_000 });
  return (JSON.parse(readFileSync(file, "utf8")) as { bytes: number }).bytes / 1024 / 1024;
}

const clockOf = ({ folder }: TestHome): string => join(folder, "clock");
const memoryOf = ({ folder }: TestHome): string => join(folder, "memory");
