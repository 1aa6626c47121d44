/** Agents in a sandbox whose network is a list of hosts, or none: what they reach, and that their tools are there all the same. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { delegateLine, endOf, nested, openParent, type Parent } from "./delegating.ts";

const profiles = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("middle", { delegation: "enabled = true" }),
  scriptedProfile("worker"),
];

describe.each([
  ["a list of hosts", '["api.example.com"]'],
  ["nothing", '"none"'],
])("an agent that may reach %s", (_, network) => {
  let daemon: TestDaemon;
  let parent: Parent;
  let outside: Server;
  let port: number;

  shareAmongTests({
    open: async () => {
      outside = createServer((_request, response) => response.end("reached"));
      await new Promise<void>((resolve) => outside.listen(0, "127.0.0.1", resolve));
      ({ port } = outside.address() as AddressInfo);
      daemon = await startDaemon({ config: [...profiles, `[kiln]\nnetwork = ${network}`].join("\n") });
      parent = await openParent(daemon, "parent");
    },
    close: async () => {
      outside.close();
      await endOf(daemon, [parent]);
    },
  });

  const fetchInside = (url: string): string =>
    `shell ${process.execPath} -e "fetch('${url}').then((r) => r.text()).then(console.log, (e) => console.log('failed', e.cause?.code))"`;

  test("does not reach what listens on this machine", async () => {
    const { result } = await parent.delegate({ agent: "worker", task: fetchInside(`http://127.0.0.1:${port}/`) });
    expect(result).toContain("failed ECONNREFUSED");
  });

  test("is told to the one it works for to reach nothing, if that is so", async () => {
    const { notes } = await parent.delegate({ agent: "worker", task: "say done" });
    expect(notes).toEqual(
      network === '"none"' ? [expect.stringContaining("it reaches no network") as string] : undefined,
    );
  });

  test("still has its tools, and can delegate", async () => {
    const task = delegateLine({ agent: "worker", task: "say from below" });
    const result = await parent.delegate({ agent: "middle", task });
    expect(result.error).toBeUndefined();
    expect(nested(result).result).toBe("from below");
  });

  test("is ended with its sandbox, and how it ended is told", async () => {
    const result = await parent.delegate({ agent: "worker", task: "shell kill -9 $PPID" });
    expect(result).toMatchObject({ status: "failed", error: { code: "CRU_AGENT_EXITED" } });
    expect(result.error?.message).toContain("SIGKILL");
  });
});

test("a host that is not listed is refused with what to add, and the refusal is logged", async () => {
  const config = [...profiles, '[kiln]\nnetwork = ["api.example.com"]'].join("\n");
  const daemon = await startDaemon({ config });
  const parent = await openParent(daemon, "parent");
  // A proxy answers plain requests in words that reach the user.
  const script = `require('http').get({ host: '127.0.0.1', port: 3128, path: 'http://other.example/' }, (r) => r.on('data', (d) => process.stdout.write(d)))`;
  const { result } = await parent.delegate({
    agent: "worker",
    task: `shell ${process.execPath} -e "${script}"; echo $HTTPS_PROXY`,
  });
  expect(result).toContain('add "other.example:80"');
  expect(result).toContain("http://127.0.0.1:3128");
  await until(() => daemon.stderr.includes("other.example:80 is not among the hosts"), { what: "the line in the log" });
  await endOf(daemon, [parent]);
});
