/**
 * The daemon's Unix socket: where it is made, who may open it (the user alone: directory 0700, socket 0600), and the greeting
 * that says which door a caller wants. What happens behind a door is not its business.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { existsSync, lstatSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { deferred } from "../base/deferred.ts";
import { isSystemError, messageOf } from "../base/errors.ts";
import { newToken } from "../base/ids.ts";
import { maxSocketPathBytes } from "../control/door.ts";
import { maxHelloBytes, parseGreeting, type Greeting } from "../control/hello.ts";
import { removeSocketKey, writeSocketKey } from "../control/socket-key.ts";
import { alreadyRunning, socketUnusable } from "./errors.ts";
import { takeLock } from "./lock.ts";
import { preparePrivateFolder } from "./private-folder.ts";

/** Time a caller has for its greeting, in milliseconds. */
export const greetingTimeoutMs = 5000;

/** Connections open at once; further ones are closed. */
export const maxConnections = 1000;

/** A greeting, and whether its caller has shown the socket's key. */
export type CheckedGreeting = Greeting & { readonly holdsKey: boolean };

type OnGreeting = (socket: Socket, greeting: CheckedGreeting) => Promise<void>;

export interface SocketServer {
  /** Takes no further callers, who find no daemon then; the name's lock stays, so that no other daemon begins meanwhile. */
  closeDoor(): void;
  /** Takes the socket's name and lock away at once; for an end that cannot wait. */
  abandon(): void;
  close(): Promise<void>;
}

/**
 * Listens. A socket that a dead daemon left is taken over. Rejects with CRU_DAEMON_RUNNING when a daemon serves it, and with
 * CRU_SOCKET_UNUSABLE.
 */
export async function listenOnSocket(path: string, onGreeting: OnGreeting): Promise<SocketServer> {
  if (Buffer.byteLength(path) > maxSocketPathBytes) {
    throw socketUnusable.create(
      `the socket path ${path} has ${Buffer.byteLength(path)} bytes, and the system takes ${maxSocketPathBytes}`,
      { hint: "choose a shorter one with --socket, or with socket under [server]" },
    );
  }
  try {
    preparePrivateFolder(dirname(path));
    const lock = takeLock(`${path}.lock`);
    if (!lock.held) throw running(path, lock.pid);
    try {
      await removeStale(path);
      const key = newToken();
      const expected = digest(key);
      writeSocketKey(path, key);
      const holdsKey = ({ key: shown = "" }: Greeting): boolean => timingSafeEqual(digest(shown), expected);
      const server = await listen(path, (socket, greeting) =>
        onGreeting(socket, { ...greeting, holdsKey: holdsKey(greeting) }),
      );
      requireClosedToOthers(path, server);
      const abandon = (): void => {
        rmSync(path, { force: true });
        removeSocketKey(path);
        lock.release();
      };
      const closed = deferred<void>();
      const closeDoor = (): void => void (server.listening && server.close(() => closed.resolve()));
      const close = async (): Promise<void> => {
        closeDoor();
        await closed.promise;
        abandon();
      };
      return { closeDoor, abandon, close };
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    if (!isSystemError(error, "EACCES", "EPERM", "EROFS", "ENOSPC", "ENOTDIR", "EEXIST", "EADDRINUSE", "ENOENT"))
      throw error;
    throw socketUnusable.create(`cannot make the socket ${path}: ${messageOf(error)}`, {
      hint: "choose a place you can write to with --socket, or with socket under [server]",
      cause: error,
    });
  }
}

async function removeStale(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket()) {
    throw socketUnusable.create(`${path} exists and is not a socket`, {
      hint: "remove it, or choose another path with --socket",
    });
  }
  if (await answers(path)) {
    throw socketUnusable.create(`${path} is served by a program that is not a daemon of this release`, {
      hint: "end it, or choose another path with --socket",
    });
  }
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => resolve(!isSystemError(error, "ECONNREFUSED", "ENOENT")));
  });
}

function listen(path: string, onGreeting: (socket: Socket, greeting: Greeting) => Promise<void>): Promise<Server> {
  // A caller that has said all may still want the answer; each door ends its side itself.
  const server = createServer({ allowHalfOpen: true }, (socket) => readGreeting(socket, onGreeting));
  server.maxConnections = maxConnections;
  // The socket must never exist with wider permissions, not even for a moment.
  const before = process.umask(0o177);
  return new Promise<Server>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => resolve(server));
  }).finally(() => process.umask(before));
}

// Some file systems know no modes and give everything to everybody.
function requireClosedToOthers(path: string, server: Server): void {
  const { mode } = lstatSync(path);
  if ((mode & 0o077) === 0) return;
  server.close();
  throw socketUnusable.create(`the socket ${path} cannot be kept from other users: its mode is ${octal(mode)}`, {
    hint: "choose a place on another file system with --socket, or with socket under [server]",
  });
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

function readGreeting(socket: Socket, onGreeting: (socket: Socket, greeting: Greeting) => Promise<void>): void {
  let received = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), greetingTimeoutMs);
  const giveUp = (): void => {
    clearTimeout(timer);
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    const end = received.indexOf("\n");
    if (end === -1) {
      if (received.length > maxHelloBytes) giveUp();
      return;
    }
    const greeting = parseGreeting(received.toString("utf8", 0, end));
    if (!greeting) return giveUp();
    clearTimeout(timer);
    socket.off("data", onData);
    socket.off("error", giveUp).off("end", giveUp);
    socket.pause();
    if (end + 1 < received.length) socket.unshift(received.subarray(end + 1));
    void onGreeting(socket, greeting).finally(() => socket.resume());
  };
  socket.on("data", onData);
  socket.on("error", giveUp).on("end", giveUp);
  socket.once("close", () => clearTimeout(timer));
}

function running(path: string, pid: number): Error {
  return alreadyRunning.create(`a daemon with pid ${pid} already serves ${path}`, {
    hint: "use it as it is, end it with `crucible stop`, or choose another --socket",
    details: { pid },
  });
}
