/** Figures for Prometheus: right after a delegation, for this host alone, moved by a reload, and no crash where the port is taken. */
import { writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import type { DaemonStatus } from "../../src/control/methods.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon } from "../support/daemon.ts";
import { freePort } from "../support/ports.ts";
import { openParent } from "./delegating.ts";

const agents = `${scriptedProfile("parent", { delegation: "enabled = true" })}\n${scriptedProfile("worker")}`;
const configFor = (port: number): string => `${agents}\n[server]\nmetrics_port = ${port}\n`;

async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

function get(
  port: number,
  { path = "/metrics", host = `127.0.0.1:${port}`, method = "GET" } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, method, host: "127.0.0.1", headers: { host } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on("error", reject).end();
  });
}

test("they count what happened, for callers of this host and port alone, and move with the configuration", async () => {
  const [port, other] = [await freePort(), await freePort()];
  await using daemon = await startDaemon({ config: configFor(port) });
  await using parent = await openParent(daemon, "parent");
  await parent.delegate({ agent: "worker", task: "usage 1200\nsay done" });
  await parent.delegate({ agent: "worker", task: "exit 3" });
  const { text } = await get(port);
  for (const line of [
    'crucible_delegations_total{agent="worker",status="completed"} 1',
    'crucible_delegations_total{agent="worker",status="failed"} 1',
    'crucible_delegation_tokens_total{agent="worker"} 1200',
    'crucible_delegation_duration_seconds_count{agent="worker"} 2',
    'crucible_agents_started_total{agent="parent"} 1',
    "crucible_editors 1",
    "crucible_delegations_running 0",
    "crucible_store_degraded 0",
  ]) {
    expect(text).toContain(`\n${line}\n`);
  }
  for (const what of ["messages", "bytes"]) {
    for (const direction of ["from_agents", "to_agents"]) {
      expect(text).toMatch(new RegExp(`\ncrucible_relayed_${what}_total\\{direction="${direction}"\\} [1-9]`));
    }
  }
  const facts = JSON.parse((await daemon.crucible(["status", "--json", ...daemon.home.place])).stdout) as DaemonStatus;
  expect(facts.ended).toEqual({ completed: 1, failed: 1, cancelled: 0, timed_out: 0, refused: 0 });
  const { stdout } = await daemon.crucible(["status", ...daemon.home.place]);
  expect(stdout).toMatch(/^ended +1 completed, 1 failed$/m);
  expect(stdout).toMatch(/^relayed +\d+ messages \([\d.]+ \w+\) from agents, \d+ messages \([\d.]+ \w+\) to agents$/m);
  expect(text).toMatch(/\ncrucible_nodejs_eventloop_lag_seconds \d/);
  expect((await get(port, { host: "evil.example" })).status).toBe(403);
  expect((await get(port, { path: "/" })).status).toBe(404);
  expect((await get(port, { method: "POST" })).status).toBe(405);

  writeFileSync(daemon.home.configFile, configFor(other));
  daemon.kill("SIGHUP");
  await until(() =>
    get(other).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  await expect(get(port)).rejects.toThrow("ECONNREFUSED");
});

test("a port that is taken is a warning, and the daemon serves all the same", async () => {
  const { server, port } = await listening();
  try {
    await using daemon = await startDaemon({ config: configFor(port) });
    expect((await daemon.crucible(["status", ...daemon.home.place])).code).toBe(0);
    await until(() => daemon.stderr.includes(`no metrics on 127.0.0.1:${port}: `), { what: "the warning" });
  } finally {
    server.close();
  }
});
