/**
 * Opening one of the doors behind the daemon's socket: connect, and say which door is wanted. Loads next to nothing, because
 * `crucible acp` does no more than this before it becomes a pipe.
 */
import { statSync, type Stats } from "node:fs";
import { connect, type Socket } from "node:net";
import { isSystemError, messageOf, type CrucibleError } from "../base/errors.ts";
import { programVersion } from "../base/version.ts";
import { daemonUnreachable } from "./errors.ts";
import { formatGreeting, socketProtocol, type Hello } from "./hello.ts";
import { readSocketKey } from "./socket-key.ts";

/** Longest path the operating system takes for a socket, in bytes, its final zero not counted. */
export const maxSocketPathBytes = process.platform === "linux" ? 107 : 103;

/** Connects and says which door is wanted. Rejects with CRU_DAEMON_UNREACHABLE. */
export async function openDoor(socketPath: string, hello: Hello): Promise<Socket> {
  // Node.js cuts a longer path off without a word, and would ask whoever listens there.
  if (Buffer.byteLength(socketPath) > maxSocketPathBytes) throw tooLong(socketPath);
  requireOwnSocket(socketPath);
  const socket = connect(socketPath);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => reject(unreachable(socketPath, error));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      resolve();
    });
  });
  // Read once somebody listens: the key of the daemon before this one opens nothing.
  const key = readSocketKey(socketPath);
  socket.write(formatGreeting({ protocol: socketProtocol, version: programVersion(), key, hello }));
  return socket;
}

/**
 * Whoever can make a socket where the daemon's should be would hear every prompt. Root is trusted with that, and may ask
 * anybody's daemon.
 */
function requireOwnSocket(socketPath: string): void {
  const self = process.getuid?.();
  const there = statsOf(socketPath);
  if (there && !there.isSocket()) {
    throw daemonUnreachable.create(`no daemon can answer on ${socketPath}: what is there is no socket`, {
      hint: "name the daemon's socket with --socket, or leave that out",
    });
  }
  const owner = there?.uid;
  if (self === undefined || owner === undefined || [0, self].includes(owner) || self === 0) return;
  throw daemonUnreachable.create(`the socket ${socketPath} belongs to another user (uid ${owner})`, {
    hint: foreignSocket,
  });
}

/** Undefined where nothing can be seen; connecting will tell why. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG")) return undefined;
    throw error;
  }
}

const foreignSocket = "the socket belongs to another user; choose your own with --socket or $CRUCIBLE_SOCKET";

function tooLong(socketPath: string): CrucibleError {
  const bytes = Buffer.byteLength(socketPath);
  return daemonUnreachable.create(
    `no daemon can answer on ${socketPath}: the path has ${bytes} bytes, and the system takes ${maxSocketPathBytes}`,
    { hint: "choose a shorter one with --socket, or with socket under [server]" },
  );
}

function unreachable(socketPath: string, error: unknown): CrucibleError {
  return daemonUnreachable.create(`no daemon answers on ${socketPath}: ${reasonOf(error)}`, {
    hint: isSystemError(error, "EACCES", "EPERM")
      ? foreignSocket
      : "start one with `crucible serve`, or let `crucible acp` start it",
    cause: error,
  });
}

function reasonOf(error: unknown): string {
  if (isSystemError(error, "ENOENT", "ENOTDIR")) return "no socket there";
  if (isSystemError(error, "ECONNREFUSED")) return "a socket is there, but nothing listens on it";
  if (isSystemError(error, "EACCES", "EPERM")) return "permission denied";
  return messageOf(error);
}
