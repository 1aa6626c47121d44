/**
 * `crucible mcp` of a parent that came through no editor, when its daemon goes: what is answered, and that the parent needs no
 * restart. A daemon that is killed and one that is asked to end, with clients of both kinds.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { crucibleUser, ended } from "../support/command-line.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, serve, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { fakeDaemon } from "../support/fake-daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { callDelegate, endOf, inKiln, mayDelegate, mcpCommand, mcpEras, script } from "./delegating.ts";
import { callTool } from "./tool-calls.ts";

const config = [
  "[limits]\ngrace_seconds = 0.2",
  scriptedProfile("parent", { delegation: mayDelegate }),
  scriptedProfile("worker"),
].join("\n");

let daemon: TestDaemon;
shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  close: () => endOf(daemon),
});

const endings: Readonly<Record<string, () => Promise<void>>> = {
  killed: async () => daemon.kill("SIGKILL"),
  "asked to end": async () => void (await daemon.crucible(["stop", ...daemon.home.place])),
};

describe.each(Object.keys(endings))("a daemon that is %s", (how) => {
  test.each(["2025-11-25", "2026-07-28"])("is followed by the next one for a client of %s", async (era) => {
    const tools = await mcpCommand(daemon, "parent", mcpEras[era]);
    const done = await callDelegate(tools, { agent: "worker", task: "say kept" });
    const mark = `${how.slice(0, 3)}-${era}`;
    const cut = callDelegate(tools, { agent: "worker", task: script(`touch ${mark}`, "hang") }).catch(String);
    await until(() => existsSync(inKiln(daemon, mark)), { what: "the child to begin" });
    await endings[how]!();
    expect(await cut).toMatch(/the daemon was restarted before it had answered this call[^]*list_delegations/);
    await daemon.exited();

    // Held until there is one.
    const listed = callTool<{ delegations: DelegationResult[] }>(tools, "list_delegations");
    daemon = await serve(daemon.home);
    const { delegations } = (await listed).data;
    expect(delegations).toMatchObject([
      { delegation_id: done.result.delegation_id, status: "completed" },
      { status: how === "killed" ? "lost" : "cancelled" },
    ]);
    const page = await callTool<{ text: string }>(tools, "read_delegation", { id: done.result.delegation_id });
    expect(page.data.text).toBe("kept");
    expect((await callDelegate(tools, { agent: "worker", task: "say again" })).result.result).toBe("again");
    await tools.close();
  });
});

test("it says the same id of its session to each daemon, and is introduced as it was", async () => {
  const user = await crucibleUser();
  const first = await fakeDaemon(user);
  const client = user.start(["mcp", "--no-autostart"]);
  const before = await first.caller();
  client.stdin.write('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"clientInfo":{"name":"me"}}}\n');
  await once(before.socket.resume(), "data");
  before.socket.write('{"result":{},"jsonrpc":"2.0","id":0}\n');
  await once(client.stdout, "data");
  await first.die();

  const { socket, greeting } = await (await fakeDaemon(user)).caller();
  expect(greeting?.hello).toEqual(before.greeting?.hello);
  const [asked] = (await once(socket.setEncoding("utf8").resume(), "data")) as [string];
  expect(JSON.parse(asked)).toMatchObject({ method: "initialize", params: { clientInfo: { name: "me" } } });
  socket.write('{"result":{},"jsonrpc":"2.0","id":"crucible-bridge-1"}\n');
  const [ready] = (await once(socket, "data")) as [string];
  expect(JSON.parse(ready)).toEqual({ jsonrpc: "2.0", method: "notifications/initialized" });
  client.stdin.end();
  expect(await ended(client)).toMatchObject({ code: 0, stdout: "" });
});

describe("an agent that is unknown is an error with its exit code", () => {
  test.each(["acp", "mcp"])("of %s, whose input ends at once", async (command) => {
    const { code, stdout, stderr } = await daemon.crucible([command, "--agent", "nobody", ...daemon.home.place]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: .*nobody.* \[CRU_AGENT_UNKNOWN\]/);
  });

  test.each(["acp", "mcp"])("of %s, which is asked something first", async (command) => {
    const input = '{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":1}}\n';
    const { code, stdout } = await daemon.crucible([command, "--agent", "nobody", ...daemon.home.place], { input });
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ id: 7, error: { data: { code: "CRU_AGENT_UNKNOWN" } } });
  });
});
