/** `crucible stop`: ends the daemon gracefully, and waits until it is gone. */
import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "../../base/clock.ts";
import { exitCodes } from "../../base/errors.ts";
import { formatDuration } from "../../base/text.ts";
import { createProcessTable } from "../../process/own-table.ts";
import { daemonStop } from "../errors.ts";
import { openControl } from "../reach.ts";
import { tell } from "../terminal.ts";

/** Agents are given time to end by themselves, and then some for those that do not. */
const timeoutMs = 60_000;
const pollMs = 20;

export interface StopOptions {
  socket: string | undefined;
  config: string | undefined;
}

export async function stop(options: StopOptions): Promise<number> {
  const pid = await askToEnd(options);
  if (process.stderr.isTTY) await tell(`ending the daemon (pid ${pid}) …\n`);
  await gone(pid);
  await tell(`the daemon (pid ${pid}) has ended\n`);
  return exitCodes.ok;
}

async function askToEnd(options: StopOptions): Promise<number> {
  using control = await openControl(options);
  const { pid } = await control.request("stop", {});
  return pid;
}

async function gone(pid: number): Promise<void> {
  const table = createProcessTable();
  const startTime = table.find(pid)?.startTime;
  const deadline = monotonicMs() + timeoutMs;
  for (;;) {
    const entry = table.find(pid);
    if (!entry || entry.dead || entry.startTime !== startTime) return;
    if (monotonicMs() > deadline) {
      throw daemonStop.create(
        `the daemon (pid ${pid}) still runs ${formatDuration(timeoutMs)} after it was asked to end`,
        {
          hint: `see what it does with \`crucible ps\`, or end it at once with \`kill ${pid}\`, which counts as its second signal`,
        },
      );
    }
    await pause(pollMs);
  }
}
