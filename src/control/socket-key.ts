/**
 * The key of the daemon's socket: a secret in a file beside it, new with each daemon. Some sandboxes hold files and not sockets, so
 * being able to connect proves nothing; being able to read the key does.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { isSystemError } from "../base/errors.ts";

/** Where the key of a socket lies. */
export function socketKeyFile(socketPath: string): string {
  return `${socketPath}.key`;
}

/** Puts a new one there, readable for the user alone. Throws what the file system says. */
export function writeSocketKey(socketPath: string, key: string): void {
  removeSocketKey(socketPath);
  writeFileSync(socketKeyFile(socketPath), key, { mode: 0o600, flag: "wx" });
}

export function removeSocketKey(socketPath: string): void {
  rmSync(socketKeyFile(socketPath), { force: true });
}

/** Undefined for who may not read it, and where there is none. */
export function readSocketKey(socketPath: string): string | undefined {
  try {
    return readFileSync(socketKeyFile(socketPath), "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}
