/** The way out of agents whose network is a list: what is refused is told in the log, and cannot flood it. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createWayOut, maxToldRefusals } from "../../../src/daemon/way-out.ts";
import { createBus } from "../../../src/observe/bus.ts";
import { proxySocketName } from "../../../src/sandbox/way-out.ts";

test("each refused host is told once, so many of them, and then that no more are told", async () => {
  const folder = await mkdtemp(join(tmpdir(), "crucible-way-out-"));
  const bus = createBus();
  const told: string[] = [];
  bus.on("warning", ({ message }) => told.push(message));
  const wayOut = createWayOut({ network: () => ["allowed.test"], openSockets: async () => folder, bus, env: {} });
  await wayOut.open();
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const ask = async (host: string): Promise<number | undefined> => {
    const asked = request({ socketPath: join(folder, proxySocketName), path: `http://${host}/`, agent }).end();
    const [answer] = await once(asked, "response");
    answer.resume();
    return answer.statusCode;
  };
  try {
    const hosts = Array.from({ length: maxToldRefusals + 2 }, (_, number) => `host-${number}.test`);
    const answers = await Promise.all([...hosts, hosts[0]!].map(ask));
    expect(new Set(answers)).toEqual(new Set([403]));
    expect(told).toHaveLength(maxToldRefusals + 1);
    expect(new Set(told).size).toBe(told.length);
    expect(told[0]).toMatch(/^host-\d+\.test:80 is not among the hosts/);
    expect(told.at(-1)).toMatch(/not told any more/);
  } finally {
    agent.destroy();
    await wayOut.close();
    await rm(folder, { recursive: true });
  }
});
