/** The tools over HTTP and over stdio, for agents of today's and of last year's MCP versions; and to clients that are no agents. */
import { existsSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  allSessions,
  assertIdle,
  assertNoChildren,
  callDelegate,
  delegateLine,
  inKiln,
  mcpCommand,
  mcpEras,
  nested,
  openParent,
  script,
  type ToolServer,
} from "./delegating.ts";

const eras = Object.keys(mcpEras);
const transports = ["http", "stdio"] as const;
const combinations = transports.flatMap((transport) => eras.map((era) => ({ transport, era })));
const nameOf = ({ transport, era }: { transport: string; era: string }): string => `${transport}-${era}`;

const config = [
  ...combinations.map((one) =>
    scriptedProfile(nameOf(one), {
      flags: ["--mcp", one.transport, "--mcp-era", one.era, "--say-progress", "--mcp-eager"],
      delegation: "enabled = true\nmax_depth = 2",
    }),
  ),
  scriptedProfile("cards", { flags: ["--mcp-cards"], delegation: "enabled = true" }),
  scriptedProfile("zero", { delegation: "enabled = true\nmax_depth = 0" }),
  scriptedProfile("worker"),
].join("\n");

let daemon: TestDaemon;
shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  check: () => assertIdle(daemon),
  close: () => daemon[Symbol.asyncDispose](),
});

describe.each(combinations)("an agent over $transport with MCP $era", (combination) => {
  const agent = nameOf(combination);

  test("speaks that version, sees the tools, delegates, hears progress, and is cancelled", async () => {
    await using parent = await openParent(daemon, agent);
    expect(JSON.parse((await parent.prompt("mcp-version")).text)).toBe(combination.era);
    const listed = JSON.parse((await parent.prompt("mcp-list")).text) as { name: string; description: string }[];
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(["delegate_session", "read_delegation"]));
    expect(listed.find(({ name }) => name === "delegate_session")?.description).toContain("worker");

    const { text } = await parent.prompt(delegateLine({ agent: "worker", task: "say hello" }));
    const [answer, progress] = text.split("\n");
    expect(JSON.parse(answer!)).toMatchObject({ status: "completed", agent: "worker", result: "hello" });
    expect(Number(/progress: (\d+)/.exec(progress!)?.[1])).toBeGreaterThan(0);

    const turn = parent.startTurn(delegateLine({ agent: "worker", task: script(`touch ${agent}.began`, "hang") }));
    await until(() => existsSync(inKiln(daemon, `${agent}.began`)), { what: "the child to begin" });
    parent.editor.cancel(parent.session);
    expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
    await assertNoChildren(daemon);
  });
});

test("how an agent says it takes servers decides how it gets them; a child of the other kind gets its own", async () => {
  await using overHttp = await openParent(daemon, "http-2025-11-25");
  const [http] = await overHttp.servers();
  expect(http).toEqual({
    type: "http",
    name: "crucible",
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/) as string,
    headers: [{ name: "Authorization", value: expect.stringMatching(/^Bearer .{32,}$/) as string }],
  });
  await using overStdio = await openParent(daemon, "stdio-2025-11-25");
  const [stdio] = await overStdio.servers();
  expect(stdio).toMatchObject({ name: "crucible", args: expect.arrayContaining(["mcp"]) as string[] });
  // Tokens stand in the environment: arguments can be read by every user of the machine.
  expect(JSON.stringify((stdio as { args: string[] }).args)).not.toMatch(/[\w-]{32,}/);

  const child = await overHttp.prompt(
    delegateLine({ agent: "stdio-2026-07-28", task: delegateLine({ agent: "worker", task: "say both ways" }) }),
  );
  expect(child.text).toContain("both ways");
});

test("a server of the same name that the editor gives is replaced, others are kept", async () => {
  const editor = daemon.editor("http-2025-11-25");
  await editor.initialize();
  const server = (name: string): ToolServer => ({ name, command: "true", args: [], env: [] });
  // Connecting to the editor's own server is the agent's business; this one only looks for crucible's.
  const session = await editor.newSession(daemon.kiln, { mcpServers: [server("crucible")] });
  const given = JSON.parse((await editor.prompt(session, "mcp-servers")).text) as ToolServer[];
  expect(given.map(({ name }) => name)).toEqual(["crucible"]);
  expect(given[0]).toMatchObject({ type: "http" });
  await editor.end();
});

async function withTools(run: (tools: Client) => Promise<void>): Promise<void> {
  await using parent = await openParent(daemon, "cards");
  const tools = await parent.tools();
  await run(tools);
  await tools.close();
}

describe("progress", () => {
  interface Told {
    progress: number;
    message?: string | undefined;
  }

  test("rises, and says in words what the child does", () =>
    withTools(async (tools) => {
      const told: Told[] = [];
      const call = callDelegate(
        tools,
        { agent: "worker", task: script('tool {"title":"Running the tests"}', "touch pr.began", "wait-for pr.go") },
        { onprogress: (one: Told) => void told.push(one) },
      );
      await until(() => existsSync(inKiln(daemon, "pr.began")), { what: "the child to begin" });
      await until(() => told.some(({ message }) => message?.includes("Running the tests")), {
        what: "the child's tool to be told",
      });
      await using helper = await openParent(daemon, "cards");
      await helper.prompt("touch pr.go");
      await call;
      expect(told.every(({ message }) => message?.startsWith("worker: "))).toBe(true);
      const values = told.map(({ progress }) => progress);
      expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b));
    }));

  test("is not sent to a caller that gave no token", () =>
    withTools(async (tools) => {
      const strangers: unknown[] = [];
      tools.fallbackNotificationHandler = (notification) => {
        strangers.push(notification);
        return Promise.resolve();
      };
      const { result } = await callDelegate(tools, { agent: "worker", task: script("tool {}", "say done") });
      expect(result).toMatchObject({ status: "completed" });
      expect(strangers).toEqual([]);
    }));
});

describe("crucible mcp --agent, for parents that do not come through ACP", () => {
  test.each(eras)("serves MCP %s", async (era) => {
    const tools = await mcpCommand(daemon, "cards", mcpEras[era]);
    expect(tools.getNegotiatedProtocolVersion()).toBe(era);
    expect((await callDelegate(tools, { agent: "worker", task: "say hi" })).result).toMatchObject({ result: "hi" });
    await tools.close();
  });

  test("acts as the profile, with its depth", async () => {
    const tools = await mcpCommand(daemon, "http-2026-07-28");
    const task = delegateLine({ agent: "worker", task: "mcp-servers" });
    const { result } = await callDelegate(tools, { agent: "http-2025-11-25", task });
    expect(nested({ ...result, result: result.result.split("\n")[0]! }).result).toBe("[]");
    await tools.close();
  });

  test("lists no tool to a profile without depth, and answers a call with the rule that forbids it", async () => {
    const tools = await mcpCommand(daemon, "zero");
    expect((await tools.listTools()).tools).toEqual([]);
    const { isError, result } = await callDelegate(tools, { agent: "worker", task: "x" });
    expect(isError).toBe(true);
    expect(result).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_DEPTH" } });
    await tools.close();
  });

  test("ends what it had delegated when it goes", async () => {
    const tools = await mcpCommand(daemon, "cards");
    const call = callDelegate(tools, { agent: "worker", task: script("touch gone.began", "hang") }).catch(() => {});
    await until(() => existsSync(inKiln(daemon, "gone.began")), { what: "the child to begin" });
    await tools.close();
    await call;
    await until(async () => (await allSessions(daemon)).length === 0, { what: "its sessions to end" });
  });

  test("an unknown profile is told as an error of the first request", async () => {
    await expect(mcpCommand(daemon, "wroker")).rejects.toThrow(/wroker.*did you mean.*worker/i);
  });
});

test("the agent's own card of the call reaches the editor, and so does its answer", async () => {
  await using parent = await openParent(daemon, "cards");
  const { updates } = await parent.prompt(delegateLine({ agent: "worker", task: "say hi" }));
  expect(updates.filter(({ sessionUpdate }) => sessionUpdate.startsWith("tool_call")).length).toBeGreaterThanOrEqual(2);
});
