/** Callers of the daemon's socket that say nothing, and more of them than there is room for. */
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { formatGreeting, maxHelloBytes, socketProtocol } from "../../../src/control/hello.ts";
import {
  greetingTimeoutMs,
  listenOnSocket,
  maxConnections,
  type SocketServer,
} from "../../../src/daemon/socket-server.ts";
import { until } from "../../support/conditions.ts";

const greeting = formatGreeting({ protocol: socketProtocol, version: "0", hello: { door: "control" } });

let folder: string;
let server: SocketServer;
let greeted: number;
let callers: { socket: Socket; isClosed: boolean }[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cru-socket-"));
  greeted = 0;
  callers = [];
  server = await listenOnSocket(join(folder, "daemon.sock"), async (socket) => {
    greeted++;
    socket.on("end", () => socket.end());
  });
});
afterEach(async () => {
  vi.useRealTimers();
  for (const { socket } of callers) socket.destroy();
  await server.close();
  rmSync(folder, { recursive: true });
});

function call(): (typeof callers)[number] {
  const caller = { socket: connect(join(folder, "daemon.sock")), isClosed: false };
  caller.socket.on("error", () => {}).on("close", () => (caller.isClosed = true));
  callers.push(caller);
  return caller;
}

/** As `until`, without its timers. */
async function soon(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

test("one that says nothing has so much time for its greeting; one that has greeted stays", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const [silent, polite] = [call(), call()];
  polite.socket.write(greeting);
  await soon(() => greeted === 1 && vi.getTimerCount() === 1);
  vi.advanceTimersByTime(greetingTimeoutMs - 1);
  await nextTurn();
  expect(silent.isClosed).toBe(false);
  vi.advanceTimersByTime(1);
  await soon(() => silent.isClosed);
  expect(polite.isClosed).toBe(false);
});

test("one whose greeting does not end is hung up on; one of just the size is let in", async () => {
  const fields = JSON.parse(greeting) as { crucible: { version: string } };
  const ofSize = (bytes: number): string => {
    const version = "0".repeat(bytes - Buffer.byteLength(greeting.trimEnd()) + 1);
    return JSON.stringify({ crucible: { ...fields.crucible, version } });
  };
  const [endless, long] = [call(), call()];
  long.socket.write(`${ofSize(maxHelloBytes)}\n`);
  endless.socket.write(ofSize(maxHelloBytes + 1));
  await until(() => endless.isClosed && greeted === 1, { what: "the one to be hung up on, the other let in" });
  expect(long.isClosed).toBe(false);
});

test("beyond those that may be open at once further ones are closed; the others are served, and so is the next when one has gone", async () => {
  // The system lets only some hundreds wait for the server's turn.
  while (callers.length < maxConnections) {
    for (let count = 0; count < 100; count++) call().socket.write(greeting);
    await until(() => greeted === callers.length, { what: "all to be let in" });
  }
  const late = call();
  late.socket.write(greeting);
  await until(() => late.isClosed, { what: "the late one to be closed" });
  expect(greeted).toBe(maxConnections);
  expect(callers.filter(({ isClosed }) => isClosed)).toEqual([late]);
  callers[0]!.socket.end();
  await until(() => callers[0]!.isClosed, { what: "one to go" });
  call().socket.write(greeting);
  await until(() => greeted === maxConnections + 1, { what: "the next to be let in" });
});
