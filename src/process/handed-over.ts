/** What a started program gets behind its three streams: descriptors that are open already, and bytes to be read from one. */
import type { ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";
import type { SandboxLayer } from "./child.ts";

const firstBehindStreams = 3;

/** Entries of `stdio` for descriptors 3, 4, …. */
export function handedOver(sandbox: SandboxLayer | undefined): (number | "pipe")[] {
  return (sandbox?.inputs ?? []).map((input) => (typeof input === "number" ? input : "pipe"));
}

/** Writes the bytes to where `handedOver` has promised them. A program that does not read them says itself what it lacks. */
export function handBytes(child: ChildProcess, sandbox: SandboxLayer | undefined): void {
  for (const [at, input] of (sandbox?.inputs ?? []).entries()) {
    if (typeof input === "number") continue;
    const pipe = child.stdio[firstBehindStreams + at] as Writable | null | undefined;
    pipe?.on("error", () => {}).end(input, () => pipe.destroy());
  }
}
