/** What a child may do, and by which tools it is asked: narrowing, its directory, the editor's servers, and agents made at run time. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  assertNoChildren,
  delegateLine,
  endOf,
  inKiln,
  nested,
  Parent,
  script,
  type ToolServer,
} from "./delegating.ts";
import { callTool, delegateWith, toolNames } from "./tool-calls.ts";

const rules = (...lines: string[]): { delegation: string } => ({ delegation: ["enabled = true", ...lines].join("\n") });

const config = [
  scriptedProfile("parent", rules("max_depth = 3")),
  scriptedProfile("singles", rules('tools = "per_agent"', 'allowed_targets = ["Odd-Name", "odd_name", "worker"]')),
  scriptedProfile("both", rules('tools = "both"', 'allowed_targets = ["worker"]')),
  scriptedProfile("maker", rules("max_depth = 3", "dynamic_agents = true", 'allowed_targets = ["worker", "middle"]')),
  scriptedProfile("middle", rules("max_depth = 3", "dynamic_agents = true")),
  scriptedProfile("worker", {
    flags: ["--log", "~/notes/worker.log", "--config-options"],
    // Where it may write also when its kiln is for reading only.
    settings: 'instructions = "Be brief."\nconfig_dirs = ["~/notes"]',
  }),
  scriptedProfile("Odd-Name"),
  scriptedProfile("odd_name"),
].join("\n");

const editorsServer: ToolServer = { name: "tracker", command: "tracker-server", args: ["--token", "secret"], env: [] };

let daemon: TestDaemon;
const open: (Parent | Client)[] = [];
let parent: Parent;
let tools: Client;
let maker: Parent;
let making: Client;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    mkdirSync(join(daemon.home.folder, "home/notes"));
    mkdirSync(inKiln(daemon, "below/deeper"), { recursive: true });
    writeFileSync(inKiln(daemon, "outside.txt"), "of the parent");
    symlinkSync(daemon.home.folder, inKiln(daemon, "way-out"));
    symlinkSync(inKiln(daemon, "below"), inKiln(daemon, "way-in"));
    [[parent, tools], [maker, making]] = await Promise.all([opened("parent"), opened("maker")]);
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, open.splice(0)),
});

/** A session whose editor has an MCP server of its own, and its tools. */
async function opened(profile: string): Promise<[Parent, Client]> {
  const editor = daemon.editor(profile, { args: ["--no-autostart"] });
  await editor.initialize();
  const own = new Parent(editor, await editor.newSession(daemon.kiln, { mcpServers: [editorsServer] }));
  open.push(own);
  const client = await own.tools();
  open.push(client);
  return [own, client];
}

const ask = (input: Record<string, unknown>): Promise<DelegationResult> =>
  delegateWith(tools, { agent: "worker", ...input });

/** Permission questions of this kind that reached the person at the editor, and are allowed. */
function askedAt({ editor }: Parent): string[] {
  const kinds: string[] = [];
  editor.onRequest("session/request_permission", ({ toolCall }) => {
    kinds.push(String((toolCall as { kind?: string }).kind));
    return { outcome: { outcome: "selected", optionId: "allow" } };
  });
  return kinds;
}

const asking = (kind: string): string => `ask ${JSON.stringify({ toolCall: { kind } })}`;

describe("tools narrow what a child may do", () => {
  test.each([
    ["read_only", { read_only: true }],
    ["tools without write", { tools: ["read", "execute"] }],
  ])("%s: it reads, and what it would write is refused", async (_, input) => {
    writeFileSync(inKiln(daemon, "there.txt"), "what stands there");
    const { result } = await ask({ ...input, task: script("read there.txt", "write new.txt gone") });
    expect(result).toContain("what stands there");
    expect(result).toContain("CRU_PERMISSION_DENIED");
    expect(result).toMatch(/not given write/);
    expect(existsSync(inKiln(daemon, "new.txt"))).toBe(false);
  });

  test("without read it does not even read", async () => {
    writeFileSync(inKiln(daemon, "there.txt"), "what stands there");
    const { result } = await ask({ tools: ["write"], task: script("read there.txt", "write wrote.txt yes") });
    expect(result).toContain("CRU_PERMISSION_DENIED");
    expect(result).not.toContain("what stands there");
    expect(readFileSync(inKiln(daemon, "wrote.txt"), "utf8")).toBe("yes");
  });

  test("a question for what was not given is refused, and nobody is bothered with it", async () => {
    const asked = askedAt(parent);
    const kinds = ["read", "search", "edit", "delete", "move", "execute", "fetch", "other"];
    const { result } = await ask({ tools: ["read", "write"], task: script(...kinds.map(asking)) });
    const answers = result.split("\n").map((line) => (JSON.parse(line) as { optionId: string }).optionId);
    expect(Object.fromEntries(kinds.map((kind, index) => [kind, answers[index]]))).toEqual({
      read: "allow",
      search: "allow",
      edit: "allow",
      delete: "allow",
      move: "allow",
      execute: "reject",
      fetch: "reject",
      other: "reject",
    });
    expect(asked).toEqual(["read", "search", "edit", "delete", "move"]);
  });

  test("read_only leaves the web, and no more of tools than was asked for", async () => {
    const asked = askedAt(parent);
    const task = script(...["read", "fetch", "edit", "execute"].map(asking));
    await ask({ read_only: true, task });
    expect(asked.splice(0)).toEqual(["read", "fetch"]);
    await ask({ read_only: true, tools: ["read", "write"], task });
    expect(asked).toEqual(["read"]);
  });

  test("nothing narrowed: every question is the person's to answer", async () => {
    const asked = askedAt(parent);
    await ask({ task: script(...["read", "edit", "execute", "fetch", "other"].map(asking)) });
    expect(asked).toEqual(["read", "edit", "execute", "fetch", "other"]);
  });

  test("without delegate it is given no tools of Crucible's, though depth is left", async () => {
    const servers = async (input: Record<string, unknown>): Promise<string[]> => {
      const { result } = await ask({ agent: "middle", task: "mcp-servers", ...input });
      return (JSON.parse(result) as ToolServer[]).map(({ name }) => name);
    };
    expect(await servers({})).toEqual(["crucible"]);
    expect(await servers({ tools: ["read", "write", "delegate"] })).toEqual(["crucible"]);
    for (const input of [{ tools: ["read", "write"] }, { read_only: true }]) expect(await servers(input)).toEqual([]);
  });

  test("a grandchild gets nothing back, whatever its parent asks for it", async () => {
    const asked = askedAt(parent);
    const all = ["read", "write", "execute", "web", "mcp", "delegate"];
    const input = {
      agent: "worker",
      tools: all,
      task: script(asking("read"), asking("execute"), "write deep.txt x", "mcp-servers"),
    };
    const task = `mcp delegate_session ${JSON.stringify(input)}`;
    const child = await ask({ agent: "middle", tools: ["read", "delegate"], task });
    const { status, result } = nested(child);
    expect(status).toBe("completed");
    expect(result).toContain("CRU_PERMISSION_DENIED");
    expect(result.split("\n").at(-1)).toBe("[]");
    expect(asked).toEqual(["read"]);
    expect(existsSync(inKiln(daemon, "deep.txt"))).toBe(false);
  });

  test.each([[["fly"]], ["read"], [[7]]])("tools %j are no tools", async (given) => {
    const { isError, data } = await callTool(tools, "delegate_session", { agent: "worker", task: "x", tools: given });
    expect(isError).toBe(true);
    expect(data.error).toMatchObject({ code: "CRU_TOOL_ARGUMENTS", message: expect.stringMatching(/tools/) as string });
  });
});

describe("the editor's MCP servers", () => {
  const names = (result: DelegationResult): string[] =>
    (JSON.parse(result.result) as ToolServer[]).map(({ name }) => name);

  test("are passed on to a child as they are when tools name mcp, and not otherwise", async () => {
    const given = await ask({ tools: ["read", "mcp"], task: "mcp-servers" });
    expect(JSON.parse(given.result)).toEqual([editorsServer]);
    expect(names(await ask({ task: "mcp-servers" }))).toEqual([]);
    expect(names(await ask({ tools: ["read", "delegate"], task: "mcp-servers" }))).toEqual([]);
    expect(names(await ask({ agent: "middle", tools: ["mcp", "delegate"], task: "mcp-servers" }))).toEqual([
      "tracker",
      "crucible",
    ]);
  });

  test("are passed on further only by a child that was given them", async () => {
    const below = `mcp delegate_session ${JSON.stringify({ agent: "worker", tools: ["mcp"], task: "mcp-servers" })}`;
    const grandchildOf = async (input: Record<string, unknown>): Promise<string[]> =>
      names(nested(await ask({ agent: "middle", task: below, ...input })));
    expect(await grandchildOf({ tools: ["mcp", "delegate"] })).toEqual(["tracker"]);
    expect(await grandchildOf({})).toEqual([]);
    expect(await grandchildOf({ tools: ["read", "delegate"] })).toEqual([]);
  });
});

describe("cwd", () => {
  test.each([
    ["relative", "below/deeper", "below/deeper"],
    ["with dots in it", "below/../below/deeper/.", "below/deeper"],
    ["the parent's own", ".", "."],
    ["a link that stays inside", "way-in", "below"],
  ])("%s: the child works there", async (_, cwd, real) => {
    const result = await ask({ cwd, task: "cwd" });
    expect(result).toMatchObject({ status: "completed", result: real === "." ? daemon.kiln : inKiln(daemon, real) });
  });

  test("absolute, and what the child asks for outside of it is refused", async () => {
    const cwd = inKiln(daemon, "below");
    const { result } = await ask({ cwd, task: script("write here.txt x", "read ../outside.txt", "write ../up.txt x") });
    expect(result).toContain("wrote here.txt");
    expect(result.match(/CRU_KILN_OUTSIDE/g)).toHaveLength(2);
    expect(result).not.toContain("of the parent");
    expect(existsSync(inKiln(daemon, "up.txt"))).toBe(false);
  });

  test.each([
    ["outside", "..", "CRU_KILN_OUTSIDE"],
    ["outside and missing", "../nowhere/at/all", "CRU_KILN_OUTSIDE"],
    ["absolute and outside", "/", "CRU_KILN_OUTSIDE"],
    ["a link that leads out", "way-out", "CRU_KILN_OUTSIDE"],
    ["below a link that leads out", "way-out/home", "CRU_KILN_OUTSIDE"],
    ["missing", "nowhere", "CRU_KILN_DIRECTORY"],
    ["a file", "outside.txt", "CRU_KILN_DIRECTORY"],
  ])("%s: nothing is started", async (_, cwd, code) => {
    const result = await ask({ cwd, task: "touch started" });
    expect(["refused", "failed"]).toContain(result.status);
    expect(result.error).toMatchObject({ code, hint: expect.stringMatching(/./) as string });
    expect(existsSync(inKiln(daemon, "started"))).toBe(false);
  });

  test("of a grandchild counts from the child's", async () => {
    const inner = (cwd: string): string =>
      `mcp delegate_session ${JSON.stringify({ agent: "worker", cwd, task: "cwd" })}`;
    const child = await ask({ agent: "middle", cwd: "below", task: inner("deeper") });
    expect(nested(child).result).toBe(inKiln(daemon, "below/deeper"));
    const out = nested(await ask({ agent: "middle", cwd: "below", task: inner("..") }));
    expect(out.error?.code).toBe("CRU_KILN_OUTSIDE");
  });
});

describe("agents as tools", () => {
  const followUps = [
    "wait_delegation",
    "read_delegation",
    "list_delegations",
    "send_to_delegation",
    "cancel_delegation",
  ];

  test("one tool for each target, by names models can call, no two the same; they work", async () => {
    const [, own] = await opened("singles");
    const names = (await toolNames(own)).filter((name) => name.startsWith("call_"));
    expect(names).toEqual(["call_worker", "call_odd_name", "call_odd_name_2"]);
    expect(await toolNames(own)).toEqual(expect.arrayContaining(followUps));
    expect(await toolNames(own)).not.toContain("delegate_session");
    const agents = [];
    for (const name of names) {
      const { data } = await callTool<DelegationResult>(own, name, { message: "say asked" });
      expect(data).toMatchObject({ status: "completed", result: "asked" });
      agents.push(data.agent);
    }
    expect(agents).toEqual(["worker", "Odd-Name", "odd_name"]);
  });

  test("both kinds, and a description that names the agent", async () => {
    const [, own] = await opened("both");
    expect(await toolNames(own)).toEqual(expect.arrayContaining(["delegate_session", "call_worker", ...followUps]));
    const { tools: listed } = await own.listTools();
    expect(listed.find(({ name }) => name === "call_worker")?.description).toContain("worker");
  });

  test("one that may not be asked is not listed, and a call of it says which rule forbids it", async () => {
    const [, own] = await opened("both");
    expect(await toolNames(own)).not.toContain("call_middle");
    const { isError, data } = await callTool<DelegationResult>(own, "call_middle", { message: "x" });
    expect(isError).toBe(true);
    expect(data).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_TARGET_NOT_ALLOWED" } });
  });

  test("are not there unless the profile says so", async () => {
    expect((await toolNames(tools)).filter((name) => name.startsWith("call_"))).toEqual([]);
    await expect(callTool(tools, "call_worker", { message: "x" })).rejects.toThrow(/unknown tool/);
  });
});

describe("agents made at run time", () => {
  interface Listed {
    agents: { name: string; created_from: string | null; model: string | null }[];
  }
  const make = (input: Record<string, unknown>, own = making) =>
    callTool<{ name: string; error?: { code: string; hint: string } }>(own, "create_agent", input);
  const give = async (agent: string, message: string, own = making): Promise<DelegationResult> =>
    (await callTool<DelegationResult>(own, "delegate_to", { agent, message })).data;
  const listed = async (own = making): Promise<Listed["agents"]> =>
    (await callTool<Listed>(own, "list_agents")).data.agents;
  const drop = (name: string, own = making) => callTool<{ error?: { code: string } }>(own, "delete_agent", { name });

  test("are made, asked, listed and deleted", async () => {
    const input = { name: "reviewer", extends: "worker", instructions: "Look for races.", model: "large" };
    expect((await make(input)).data).toEqual({ name: "reviewer" });
    expect(await listed()).toContainEqual(
      expect.objectContaining({ name: "reviewer", created_from: "worker", model: "large" }),
    );
    const result = await give("reviewer", "heard");
    expect(result).toMatchObject({ status: "completed", agent: "reviewer" });
    // What the base is told comes with what was added.
    expect(result.result).toMatch(/Be brief\.[^]*Look for races\./);
    expect(readFileSync(join(daemon.home.folder, "home/notes/worker.log"), "utf8")).toContain('"value":"large"');
    expect(await delegateWith(making, { agent: "reviewer", task: "say by name" })).toMatchObject({ result: "by name" });

    expect((await drop("reviewer")).isError).toBe(false);
    expect((await listed()).map(({ name }) => name)).toEqual(["middle", "worker"]);
    expect(await give("reviewer", "x")).toMatchObject({ error: { code: "CRU_DELEGATION_TARGET_UNKNOWN" } });
    expect((await drop("reviewer")).data.error?.code).toBe("CRU_AGENT_DYNAMIC_UNKNOWN");
  });

  test("are never wider than the profile they are built on, nor than who made them", async () => {
    const asked = askedAt(maker);
    await make({ name: "reader", extends: "worker", tools: ["read"] });
    await make({ name: "again", extends: "reader", tools: ["read", "execute", "write"] });
    for (const name of ["reader", "again"]) {
      const { result } = await give(name, script(asking("read"), asking("execute"), "write dyn.txt x"));
      expect(result).toContain("CRU_PERMISSION_DENIED");
    }
    // Nor does a call give it more than it was made with.
    const input = {
      agent: "reader",
      tools: ["read", "execute", "mcp"],
      task: script(asking("execute"), "mcp-servers"),
    };
    const { result } = await delegateWith(making, input);
    expect(result.split("\n").at(-1)).toBe("[]");
    expect(asked).toEqual(["read", "read"]);
    expect(existsSync(inKiln(daemon, "dyn.txt"))).toBe(false);
    for (const name of ["reader", "again"]) await drop(name);
  });

  test("get the editor's servers when they are made with mcp", async () => {
    await make({ name: "tracking", extends: "worker", tools: ["read", "mcp"] });
    expect(JSON.parse((await give("tracking", "mcp-servers")).result)).toEqual([editorsServer]);
    await drop("tracking");
  });

  test("cannot be built on an agent that may not be asked, or is not there", async () => {
    for (const [base, code] of [
      ["parent", "CRU_DELEGATION_TARGET_NOT_ALLOWED"],
      ["nobody", "CRU_DELEGATION_TARGET_UNKNOWN"],
    ]) {
      const { isError, data } = await make({ name: "wide", extends: base });
      expect([isError, data.error?.code]).toEqual([true, code]);
      expect(data.error?.hint).toMatch(/worker/);
    }
    expect((await listed()).map(({ name }) => name)).not.toContain("wide");
  });

  test("can be built on oneself, which needs no entry in allowed_targets", async () => {
    await make({ name: "me-too", extends: "self", instructions: "Be somebody else." });
    expect(await give("me-too", "say it is me")).toMatchObject({ status: "completed", result: "it is me" });
    expect((await listed()).map(({ name }) => name)).toContain("me-too");
    await drop("me-too");
  });

  test.each(["", "self", "two words", "a/b", "ü", "x".repeat(65), "a\nb"])("cannot be called %j", async (name) => {
    const { isError, data } = await make({ name, extends: "worker" });
    expect(isError).toBe(true);
    expect(data.error?.code).toMatch(/^CRU_(AGENT_NAME|TOOL_ARGUMENTS)$/);
  });

  test("cannot take a name that is taken, by the user or by themselves", async () => {
    await make({ name: "mine", extends: "worker" });
    for (const name of ["worker", "parent", "mine"]) {
      expect((await make({ name, extends: "worker" })).data.error?.code).toBe("CRU_AGENT_EXISTS");
    }
    expect((await drop("worker")).data.error?.code).toBe("CRU_AGENT_DYNAMIC_UNKNOWN");
    expect(await give("worker", "say still here")).toMatchObject({ result: "still here" });
    await drop("mine");
  });

  test("belong to their tree: known to its children, unknown elsewhere, and gone with it", async () => {
    const [first, own] = await opened("maker");
    await make({ name: "local", extends: "worker" }, own);
    const below = await give("middle", delegateLine({ agent: "local", task: "say from below" }), own);
    expect(nested(below)).toMatchObject({ status: "completed", agent: "local", result: "from below" });

    expect(await give("local", "x")).toMatchObject({
      status: "refused",
      error: { code: "CRU_DELEGATION_TARGET_UNKNOWN" },
    });
    expect((await listed()).map(({ name }) => name)).not.toContain("local");

    const made = await give("middle", `mcp create_agent ${JSON.stringify({ name: "deep", extends: "worker" })}`, own);
    expect(made.result).toBe('{"name":"deep"}');
    expect((await listed(own)).map(({ name }) => name)).toContain("deep");

    await own.close();
    await first[Symbol.asyncDispose]();
    const [, later] = await opened("maker");
    expect((await listed(later)).map(({ name }) => name)).not.toContain("local");
  });

  test("list_primitives names what there is to give, as far as one has it oneself", async () => {
    interface Primitives {
      primitives: { name: string; description: string }[];
    }
    const { data, text } = await callTool<Primitives>(making, "list_primitives");
    expect(data.primitives.map(({ name }) => name)).toEqual(["read", "write", "execute", "web", "mcp", "delegate"]);
    for (const { name, description } of data.primitives) expect(text).toContain(`${name}: ${description}`);
    const narrowed = await delegateWith(making, {
      agent: "middle",
      tools: ["read", "delegate"],
      task: "mcp list_primitives",
    });
    const { primitives } = JSON.parse(narrowed.result) as Primitives;
    expect(primitives.map(({ name }) => name)).toEqual(["read", "delegate"]);
  });

  test("are not on offer unless the profile says so", async () => {
    const offered = await toolNames(tools);
    for (const name of ["create_agent", "delegate_to", "delete_agent", "list_agents", "list_primitives"]) {
      expect(offered).not.toContain(name);
      await expect(callTool(tools, name, { name: "x", agent: "worker", message: "x" })).rejects.toThrow(/unknown tool/);
    }
  });
});
