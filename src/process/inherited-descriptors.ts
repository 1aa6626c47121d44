/**
 * Closes what whoever started the daemon left open for it: Node.js opens nothing that its children inherit, so whatever they
 * would inherit beyond their three streams came from outside, and may lead anywhere (Linux only: elsewhere nobody tells).
 */
import { closeSync, readdirSync, readFileSync } from "node:fs";
import { isSystemError } from "../base/errors.ts";

const closeOnExec = 0o2000000;
const lastStandardStream = 2;

/** To be called once, before anything is started. Gives those that were closed. */
export function closeInheritedDescriptors(): number[] {
  const descriptors = openDescriptors().filter(
    (descriptor) => descriptor > lastStandardStream && isInherited(descriptor),
  );
  for (const descriptor of descriptors) closeSync(descriptor);
  return descriptors;
}

function openDescriptors(): number[] {
  try {
    return readdirSync("/proc/self/fd").map(Number);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
}

/** Their flags stand in octal (proc_pid_fdinfo(5)). */
function isInherited(descriptor: number): boolean {
  try {
    const flags = /^flags:\s+0?([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch (error) {
    // The one that the listing itself had open.
    if (isSystemError(error, "ENOENT")) return false;
    throw error;
  }
}
