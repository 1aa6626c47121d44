/** Callers of the figures that hold a connection: how many, and for how long. */
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBus } from "../../../src/observe/bus.ts";
import { maxCallers, MetricsDoor } from "../../../src/observe/metrics-door.ts";
import { until } from "../../support/conditions.ts";
import { freePort } from "../../support/ports.ts";

let door: MetricsDoor;
let port: number;
let callers: { socket: Socket; heard: string; isClosed: boolean }[];

beforeEach(async () => {
  port = await freePort();
  callers = [];
});
afterEach(async () => {
  for (const { socket } of callers) socket.destroy();
  await door.close();
});

async function open(timeoutMs?: number): Promise<void> {
  door = new MetricsDoor({
    bus: createBus(),
    gauges: () => ({
      editors: 0,
      sessions: 0,
      agents: 0,
      delegations: { running: 0, queued: 0 },
      storeIsKept: true,
      traffic: { received: { messages: 0, bytes: 0 }, sent: { messages: 0, bytes: 0 } },
    }),
    isProfile: () => true,
    ...(timeoutMs === undefined ? {} : { requestTimeoutMs: timeoutMs }),
  });
  await door.moveTo(port);
}

async function call(): Promise<(typeof callers)[number]> {
  const caller = { socket: connect(port, "127.0.0.1"), heard: "", isClosed: false };
  caller.socket.setEncoding("utf8").on("data", (text: string) => (caller.heard += text));
  caller.socket.on("error", () => {}).on("close", () => (caller.isClosed = true));
  callers.push(caller);
  await new Promise((resolve) => caller.socket.once("connect", resolve));
  return caller;
}

async function answered(caller: (typeof callers)[number]): Promise<void> {
  caller.socket.write(`GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await until(() => caller.heard.includes("crucible_editors 0"), { what: "the figures" });
}

test("beyond those that may call at once further ones are closed, and those that are there are answered", async () => {
  await open();
  for (let count = 0; count < maxCallers; count++) await call();
  const late = await call();
  await until(() => late.isClosed, { what: "the late one to be closed" });
  expect(callers.filter(({ isClosed }) => isClosed)).toEqual([late]);
  await answered(callers[0]!);
});

test("one that does not come to the end of its request has so much time for it", async () => {
  await open(200);
  const silent = await call();
  const slow = await call();
  slow.socket.write("GET /metrics HTTP/1.1\r\nHost: ");
  await until(() => silent.isClosed && slow.isClosed, { what: "both to be hung up on" });
  expect(slow.heard).toContain("408");
  await answered(await call());
});
