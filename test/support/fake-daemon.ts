/** A socket server in the daemon's place, for tests of what stands before it. It says nothing by itself. */
import { once } from "node:events";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { onTestFinished } from "vitest";
import { parseGreeting, type Greeting } from "../../src/control/hello.ts";
import type { CrucibleUser } from "./command-line.ts";

export interface FakeDaemon {
  /** Ends it as SIGKILL would: the socket's file stays, and nobody listens. */
  die(): Promise<void>;
  /** The next caller, its greeting taken off. */
  caller(): Promise<{ socket: Socket; greeting: Greeting | undefined }>;
}

export async function fakeDaemon(user: CrucibleUser): Promise<FakeDaemon> {
  mkdirSync(dirname(user.socketPath), { recursive: true });
  rmSync(user.socketPath, { force: true });
  const server = createServer({ allowHalfOpen: true });
  server.listen(user.socketPath);
  await once(server, "listening");
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    async die() {
      // Closing takes the file away, which a daemon that is killed leaves there.
      renameSync(user.socketPath, `${user.socketPath}.kept`);
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      renameSync(`${user.socketPath}.kept`, user.socketPath);
    },

    async caller() {
      const [socket] = (await once(server, "connection")) as [Socket];
      let received = Buffer.alloc(0);
      while (!received.includes("\n")) {
        const [chunk] = (await once(socket, "data")) as [Buffer];
        received = Buffer.concat([received, chunk]);
      }
      socket.pause();
      const end = received.indexOf("\n");
      if (end + 1 < received.length) socket.unshift(received.subarray(end + 1));
      return { socket, greeting: parseGreeting(received.toString("utf8", 0, end)) };
    },
  };
}
