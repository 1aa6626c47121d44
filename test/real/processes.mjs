/**
 * Looks at processes through /proc: which ones belong to a run (by a path in their environment, which children inherit
 * even when they leave their parent's group and session), and how much memory they hold.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * @typedef {{ pid: number, command: string, memoryMb: number }} Found
 * @param {string} mark text to be found in the environment or the command line of a process
 * @returns {Found[]} living processes other than this one; zombies do not count
 */
export function processesMarked(mark) {
  const found = [];
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = readProc(pid, "cmdline").replaceAll("\0", " ").trim();
    // A zombie has neither command line nor environment.
    if (command === "" || !(command.includes(mark) || readProc(pid, "environ").includes(mark))) continue;
    found.push({ pid, command, memoryMb: memoryOf(pid) });
  }
  return found;
}

/** Proportional memory, so that pages shared between an agent's processes are counted once. */
function memoryOf(pid) {
  const kb =
    /^Pss: +(\d+) kB/m.exec(readProc(pid, "smaps_rollup"))?.[1] ?? /VmRSS:\s+(\d+)/.exec(readProc(pid, "status"))?.[1];
  return Math.round(Number(kb ?? 0) / 1024);
}

/** A process may end between being listed and being read; then it holds nothing. */
function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/**
 * Waits until no marked process is left.
 * @param {string} mark
 * @param {number} patienceMs
 * @returns {Promise<Found[]>} what is still there at the end
 */
export async function waitForNone(mark, patienceMs) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const left = processesMarked(mark);
    if (left.length === 0 || Date.now() > deadline) return left;
    await sleep(100);
  }
}

/** Ends what a run has left behind, by force. @param {string} mark */
export function killMarked(mark) {
  for (const { pid } of processesMarked(mark)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      // It ended by itself in the meantime.
      if (error.code !== "ESRCH") throw error;
    }
  }
}
