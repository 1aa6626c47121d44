/** Work that goes on when its call has come back or was cut off: handles, and the tools that take them. */
import { existsSync, writeFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  assertNoChildren,
  callDelegate,
  control,
  delegateLine,
  endOf,
  inKiln,
  mcpEras,
  nested,
  openParent,
  pidOfWorking,
  script,
  type Parent,
  type ToolServer,
} from "./delegating.ts";
import { nth, slowPerson } from "./slow-person.ts";
import { callTool, delegateWith } from "./tool-calls.ts";

const config = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("hasty", { delegation: "enabled = true\nwait_seconds = 0" }),
  scriptedProfile("narrow", { delegation: "enabled = true\nmax_concurrent_delegations = 1" }),
  scriptedProfile("piped", { flags: ["--mcp", "stdio"], delegation: "enabled = true" }),
  scriptedProfile("middle", { delegation: "enabled = true" }),
  scriptedProfile("worker"),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let narrow: Parent;
let hasty: Parent;
let piped: Parent;
let tools: Client;
let narrowTools: Client;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    [parent, narrow, hasty, piped] = await Promise.all([
      openParent(daemon, "parent"),
      openParent(daemon, "narrow"),
      openParent(daemon, "hasty"),
      openParent(daemon, "piped"),
    ]);
    [tools, narrowTools] = await Promise.all([parent.tools(), narrow.tools()]);
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [tools, narrowTools, parent, narrow, hasty, piped]),
});

const make = (name: string): void => writeFileSync(inKiln(daemon, name), "");
const began = (name: string): Promise<unknown> =>
  until(() => existsSync(inKiln(daemon, name)), { what: `${name} to be made` });

interface Waited {
  delegations: DelegationResult[];
  waiting_for_human: string[];
}

interface Page {
  text: string;
  status: string;
  next_offset: number | null;
}

/** Delegates to the worker in the background and gives the delegation's id. */
async function inBackground(lines: string[], asker: Client = tools): Promise<string> {
  const input = { agent: "worker", task: script(...lines), background: true };
  return (await delegateWith(asker, input)).delegation_id;
}

async function wait(ids: string[], input: Record<string, unknown> = {}): Promise<Waited & { text: string }> {
  const { data, text } = await callTool<Waited>(tools, "wait_delegation", { ids, ...input });
  return { ...data, text };
}

async function read(id: string, asker: Client = tools): Promise<Page> {
  return (await callTool<Page>(asker, "read_delegation", { id })).data;
}

async function listed(asker: Client = tools): Promise<Omit<DelegationResult, "result">[]> {
  const { data } = await callTool<{ delegations: DelegationResult[] }>(asker, "list_delegations");
  return data.delegations;
}

describe("a call comes back before its child is done", () => {
  test("with background at once, with the ids and the way to go on, while the child works", async () => {
    const input = { agent: "worker", task: script("wait-for bg.go", "say done"), background: true };
    const { data, text, isError } = await callTool<DelegationResult>(tools, "delegate_session", input);
    expect(isError).toBe(false);
    expect(data).toMatchObject({ status: "running", agent: "worker", result: "" });
    expect(data).not.toHaveProperty("error");
    expect(data.session_id).toMatch(/^ses_/);
    expect(text).toContain("wait_delegation");
    expect(text).toContain(data.delegation_id);
    await pidOfWorking(daemon, "worker");
    make("bg.go");
    expect((await wait([data.delegation_id])).delegations).toMatchObject([
      { delegation_id: data.delegation_id, session_id: data.session_id, status: "completed", result: "done" },
    ]);
  });

  test("when the wait budget of its profile runs out, whatever the tool", async () => {
    const own = await hasty.tools();
    const handle = await delegateWith(own, { agent: "worker", task: script("wait-for hasty.go", "say done") });
    expect(handle).toMatchObject({ status: "running", result: "" });
    const { data } = await callTool<Waited>(own, "wait_delegation", { ids: [handle.delegation_id] });
    expect(data.delegations).toMatchObject([{ status: "running" }]);
    make("hasty.go");
    await assertNoChildren(daemon);
    expect(await read(handle.delegation_id, own)).toMatchObject({ text: "done", status: "completed" });
    await own.close();
  });

  test("and one that failed in the background is told as failed to whoever asks", async () => {
    const id = await inBackground(["say tried", "fail -32000 no"]);
    const { delegations, text } = await wait([id]);
    expect(delegations).toMatchObject([{ status: "failed", error: { code: "CRU_AGENT_ERROR" }, result: "tried" }]);
    expect(text).toMatch(/What to do instead/);
  });
});

describe("wait_delegation", () => {
  test("wakes when the first of several ends, and tells how the others stand", async () => {
    const [slow, quick] = [await inBackground(["wait-for w1.go"]), await inBackground(["wait-for w2.go", "say quick"])];
    const waiting = wait([slow, quick]);
    make("w2.go");
    const { delegations, waiting_for_human: human } = await waiting;
    expect(delegations).toMatchObject([
      { delegation_id: slow, status: "running", result: "" },
      { delegation_id: quick, status: "completed", result: "quick" },
    ]);
    expect(human).toEqual([]);
    make("w1.go");
    expect((await wait([slow])).delegations).toMatchObject([{ status: "completed" }]);
  });

  test("comes back at once for one that has ended already, so that no end is missed between two calls", async () => {
    const [slow, over] = [await inBackground(["wait-for w3.go"]), await inBackground(["say over"])];
    await wait([over]);
    const { delegations } = await wait([slow, over]);
    expect(delegations).toMatchObject([{ status: "running" }, { status: "completed", result: "over" }]);
    make("w3.go");
  });

  test("names an id once, however often it is given", async () => {
    const id = await inBackground(["say once"]);
    expect((await wait([id, id, id])).delegations).toMatchObject([{ result: "once" }]);
  });

  test("comes back when wait_seconds are over, and ends nothing", async () => {
    const id = await inBackground(["wait-for w4.go", "say still there"]);
    for (const seconds of [0, 0.1]) {
      expect((await wait([id], { wait_seconds: seconds })).delegations).toMatchObject([{ status: "running" }]);
    }
    make("w4.go");
    expect((await wait([id], { wait_seconds: 20 })).delegations).toMatchObject([{ result: "still there" }]);
  });

  test("wakes when a child waits for the user to answer a question, and says which", async () => {
    const questions = slowPerson(parent);
    const asks = await inBackground(["wait-for w5.go", "ask"]);
    const works = await inBackground(["wait-for w5.end"]);
    const waiting = wait([works, asks]);
    make("w5.go");
    const woken = await waiting;
    expect(woken.waiting_for_human).toEqual([asks]);
    expect(woken.delegations.map(({ status }) => status)).toEqual(["running", "running"]);
    expect(woken.text).toMatch(/waits for the user/);
    // Asked again while the question is still open, it does not sleep over it.
    expect((await wait([asks])).waiting_for_human).toEqual([asks]);
    (await nth(questions, 0)).answer("allow");
    make("w5.end");
    const done = await until(async () => {
      const page = await wait([asks]);
      return page.delegations[0]?.status !== "running" && page;
    });
    expect(done).toMatchObject({ delegations: [{ status: "completed" }], waiting_for_human: [] });
  });

  test("names one whose question stands in line behind another's, and one that asked the same thing twice", async () => {
    const questions = slowPerson(parent);
    const first = await inBackground(["ask", "ask"]);
    await nth(questions, 0);
    const second = await inBackground(["ask"]);
    await until(async () => (await wait([second], { wait_seconds: 0 })).waiting_for_human.length === 1);
    expect((await wait([first, second])).waiting_for_human).toEqual([first, second]);
    for (const index of [0, 1, 2]) (await nth(questions, index)).answer("allow");
    for (const id of [first, second]) {
      const done = await until(async () => (await wait([id])).delegations.find(({ status }) => status !== "running"));
      expect(done).toMatchObject({ status: "completed" });
    }
  });

  test("wakes for a question from two levels down, too", async () => {
    const questions = slowPerson(parent);
    const task = delegateLine({ agent: "worker", task: "ask" });
    const { delegation_id: id } = await delegateWith(tools, { agent: "middle", task, background: true });
    expect((await wait([id])).waiting_for_human).toEqual([id]);
    (await nth(questions, 0)).answer("reject");
    // Until the answer has arrived it still waits for a human, and wait_delegation says so at once.
    const done = await until(async () => (await wait([id])).delegations.find(({ status }) => status !== "running"));
    expect(nested(done).result).toContain("reject");
  });
});

describe("a parent that has forgotten", () => {
  test("lists all it has asked for, oldest first, and reads the results", async () => {
    const fresh = await parent.tools();
    const before = (await listed(fresh)).length;
    const [first, second] = [await inBackground(["say remembered"]), await inBackground(["wait-for l.go"])];
    await wait([first]);
    const list = (await listed(fresh)).slice(before);
    expect(list).toMatchObject([
      { delegation_id: first, agent: "worker", status: "completed" },
      { delegation_id: second, agent: "worker", status: "running" },
    ]);
    for (const entry of list) expect(entry).not.toHaveProperty("result");
    expect(await read(first, fresh)).toMatchObject({ text: "remembered", status: "completed", next_offset: null });
    expect(await read(second, fresh)).toMatchObject({ text: "", status: "running" });
    make("l.go");
    await fresh.close();
  });

  test("with nothing to remember is told so", async () => {
    await using idle = await openParent(daemon, "parent");
    const own = await idle.tools();
    const { data, text } = await callTool<{ delegations: unknown[] }>(own, "list_delegations");
    expect(data.delegations).toEqual([]);
    expect(text).toMatch(/nothing/);
    await own.close();
  });
});

/** A client of MCP's 2025 revision over HTTP, as bare requests, so that a test can cut them off. */
class BareClient {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(server: ToolServer) {
    if (server.type !== "http") throw new Error("expected a server over HTTP");
    this.#url = server.url;
    this.#headers = {
      ...Object.fromEntries(server.headers.map(({ name, value }) => [name, value])),
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
  }

  async open(): Promise<this> {
    const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "bare", version: "1" } };
    const response = await this.post({ id: 0, method: "initialize", params });
    this.#headers["mcp-session-id"] = response.headers.get("mcp-session-id") ?? "";
    await response.text();
    await (await this.post({ method: "notifications/initialized" })).text();
    return this;
  }

  post(message: Record<string, unknown>, signal?: AbortSignal): Promise<Response> {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    return fetch(this.#url, { method: "POST", headers: this.#headers, body, ...(signal ? { signal } : {}) });
  }

  /** A delegation to the worker, in flight until the child has begun. */
  async delegate(id: number, name: string): Promise<{ cut: () => void; over: Promise<unknown> }> {
    const task = script("say so far", `touch ${name}.began`, `wait-for ${name}.go`, 'tool {"title":"x"}', "say done");
    const params = { name: "delegate_session", arguments: { agent: "worker", task } };
    const connection = new AbortController();
    const over = this.post({ id, method: "tools/call", params }, connection.signal)
      .then((response) => response.text())
      .catch((error: unknown) => error);
    await began(`${name}.began`);
    return { cut: () => connection.abort(), over };
  }

  async end(): Promise<void> {
    await fetch(this.#url, { method: "DELETE", headers: this.#headers });
  }
}

async function bareClient(): Promise<BareClient> {
  const [server] = await parent.servers();
  return new BareClient(server!).open();
}

describe("a call that is cut off loses nothing", () => {
  async function lastOf(asker: Client = tools): Promise<Page> {
    return read((await listed(asker)).at(-1)!.delegation_id, asker);
  }

  test("a 2025 client whose connection breaks: the child goes on, and its result can be read", async () => {
    const client = await bareClient();
    const { cut, over } = await client.delegate(1, "cut1");
    cut();
    expect(await over).toBeInstanceOf(Error);
    // A round trip later it is still at work.
    expect((await listed()).at(-1)).toMatchObject({ status: "running" });
    make("cut1.go");
    await assertNoChildren(daemon);
    expect(await lastOf()).toMatchObject({ text: "done", status: "completed" });
    await client.end();
  });

  test("a 2025 client that ends its MCP session while the call is open", async () => {
    const client = await bareClient();
    const { over } = await client.delegate(1, "cut2");
    await client.end();
    await over;
    expect((await listed()).at(-1)).toMatchObject({ status: "running" });
    make("cut2.go");
    await assertNoChildren(daemon);
    expect(await lastOf()).toMatchObject({ text: "done", status: "completed" });
  });

  test("an agent whose MCP server over stdio is ended and started again", async () => {
    const first = await piped.tools();
    const task = script("touch cut3.began", "wait-for cut3.go", "say done");
    const call = callDelegate(first, { agent: "worker", task }).catch((error: unknown) => error);
    await began("cut3.began");
    await first.close();
    expect(await call).toBeInstanceOf(Error);
    const second = await piped.tools();
    expect(await listed(second)).toMatchObject([{ status: "running" }]);
    make("cut3.go");
    await assertNoChildren(daemon);
    expect(await lastOf(second)).toMatchObject({ text: "done", status: "completed" });
    await second.close();
  });

  test("a 2025 client that cancels the call, other than one that is cut off, ends the child", async () => {
    const client = await bareClient();
    const { cut } = await client.delegate(7, "cut4");
    await client.post({ method: "notifications/cancelled", params: { requestId: 7, reason: "enough" } });
    await assertNoChildren(daemon);
    expect(await lastOf()).toMatchObject({ text: "so far", status: "cancelled" });
    cut();
    await client.end();
  });

  test("a 2026 client has no other way to cancel than to close the stream: that ends the child", async () => {
    const own = await parent.tools(mcpEras["2026-07-28"]);
    const giveUp = new AbortController();
    const task = script("say so far", "touch cut5.began", "hang");
    const call = callDelegate(own, { agent: "worker", task }, { signal: giveUp.signal }).catch(() => {});
    await began("cut5.began");
    giveUp.abort();
    await call;
    await assertNoChildren(daemon);
    expect(await lastOf()).toMatchObject({ text: "so far", status: "cancelled" });
    await own.close();
  });
});

describe("cancel_delegation", () => {
  test("ends one that runs; what it had said can be read, and its sibling goes on", async () => {
    const [doomed, other] = [
      await inBackground(["say so far", "touch cd.began", "hang"]),
      await inBackground(["wait-for cd.go"]),
    ];
    await began("cd.began");
    const { data } = await callTool(tools, "cancel_delegation", { id: doomed });
    expect(data).toEqual({ id: doomed, status: "cancelled" });
    expect(await read(doomed)).toMatchObject({ text: "so far", status: "cancelled" });
    expect((await wait([other], { wait_seconds: 0 })).delegations).toMatchObject([{ status: "running" }]);
    make("cd.go");
  });

  test("changes nothing of one that has ended", async () => {
    const id = await inBackground(["say over"]);
    await wait([id]);
    const { data, text } = await callTool(tools, "cancel_delegation", { id });
    expect(data).toEqual({ id, status: "completed" });
    expect(text).toMatch(/before/);
    expect(await read(id)).toMatchObject({ text: "over", status: "completed" });
  });

  test("takes one that waits out of the queue at once", async () => {
    const first = await inBackground(["wait-for cq.go"], narrowTools);
    const second = await inBackground(["touch cq.never"], narrowTools);
    expect((await callTool(narrowTools, "cancel_delegation", { id: second })).data).toMatchObject({
      status: "cancelled",
    });
    make("cq.go");
    await callTool(narrowTools, "wait_delegation", { ids: [first] });
    expect(existsSync(inKiln(daemon, "cq.never"))).toBe(false);
  });
});

describe("send_to_delegation", () => {
  interface Sent {
    id: string;
    delivered: string;
    reason?: string;
  }
  const send = async (id: string, message: string, asker: Client = tools): Promise<Sent> =>
    (await callTool<Sent>(asker, "send_to_delegation", { id, message })).data;

  test("the child reads it when its turn ends, and its answer to it is the result", async () => {
    const id = await inBackground(["wait-for s1.go", "say first answer"]);
    expect(await send(id, "say second answer")).toEqual({ id, delivered: "next_turn" });
    make("s1.go");
    expect((await wait([id])).delegations).toMatchObject([{ status: "completed", result: "second answer" }]);
  });

  test("several are read one after the other by the same child, which knows all of it", async () => {
    const id = await inBackground(["wait-for s2.go", "say one"]);
    await send(id, "say two");
    await send(id, "heard");
    make("s2.go");
    const [{ result }] = (await wait([id])).delegations as [DelegationResult];
    const prompts = JSON.parse(result) as { text: string }[][];
    expect(prompts.map(([first]) => first?.text)).toEqual(["wait-for s2.go\nsay one", "say two", "heard"]);
  });

  test("one that waits for a place gets it after its task", async () => {
    const first = await inBackground(["wait-for s3.go"], narrowTools);
    const second = await inBackground(["say the task"], narrowTools);
    expect(await send(second, "say the message", narrowTools)).toMatchObject({ delivered: "next_turn" });
    make("s3.go");
    await callTool(narrowTools, "wait_delegation", { ids: [first] });
    const { data } = await callTool<Waited>(narrowTools, "wait_delegation", { ids: [second] });
    expect(data.delegations).toMatchObject([{ status: "completed", result: "the message" }]);
  });

  test("after the end it is not delivered, and the reason says how to go on", async () => {
    const id = await inBackground(["say over"]);
    const [{ session_id: session }] = (await wait([id])).delegations as [DelegationResult];
    const { delivered, reason } = await send(id, "too late");
    expect(delivered).toBe("no");
    expect(reason).toContain("delegate_session");
    expect(reason).toContain(session);
  });

  test("nor to one that is being ended", async () => {
    const id = await inBackground(["touch s5.began", "hang-hard"]);
    await began("s5.began");
    const cancelling = callTool(tools, "cancel_delegation", { id });
    const child = await pidOfWorking(daemon, "worker");
    await until(async () => (await send(id, "too late")).delivered === "no", { what: "the message to be refused" });
    process.kill(child, "SIGKILL");
    expect((await cancelling).data).toMatchObject({ status: "cancelled" });
  });
});

describe("ids", () => {
  const takers: [tool: string, input: (id: string) => Record<string, unknown>][] = [
    ["wait_delegation", (id) => ({ ids: [id] })],
    ["read_delegation", (id) => ({ id })],
    ["cancel_delegation", (id) => ({ id })],
    ["send_to_delegation", (id) => ({ id, message: "x" })],
  ];

  test.each(takers)(
    "of other sessions are as unknown to %s as made up ones, and nothing happens to them",
    async (tool, input) => {
      const foreign = await inBackground([`wait-for ${tool}.go`, "say mine"], narrowTools);
      for (const id of [foreign, "del_0000000000000000", "'; --"]) {
        const { isError, data, text } = await callTool(tools, tool, input(id));
        expect(isError).toBe(true);
        expect(data.error.code).toBe("CRU_DELEGATION_UNKNOWN");
        expect(text).not.toContain("narrow");
      }
      make(`${tool}.go`);
      const { data } = await callTool<Waited>(narrowTools, "wait_delegation", { ids: [foreign] });
      expect(data.delegations).toMatchObject([{ status: "completed", result: "mine" }]);
    },
  );

  test("one unknown id among good ones is an error, not a shorter answer", async () => {
    const id = await inBackground(["say good"]);
    const { isError, data } = await callTool(tools, "wait_delegation", { ids: [id, "del_0000000000000000"] });
    expect(isError).toBe(true);
    expect(data.error.code).toBe("CRU_DELEGATION_UNKNOWN");
  });

  test("of a child's own delegations are known to its parent, and not the other way round", async () => {
    const below = delegateLine({ agent: "worker", task: "say from below" });
    const child = await delegateWith(tools, { agent: "middle", task: below });
    expect(await read(nested(child).delegation_id)).toMatchObject({ text: "from below" });
    const up = await delegateWith(tools, {
      agent: "middle",
      task: `mcp read_delegation ${JSON.stringify({ id: child.delegation_id })}`,
    });
    expect(up.result).toContain("CRU_DELEGATION_UNKNOWN");
    // And a list is of what a session asked for itself.
    const own = await listed();
    expect(own.map(({ delegation_id: id }) => id)).not.toContain(nested(child).delegation_id);
  });
});

test("one that ended without anybody waiting leaves no place taken", async () => {
  const ids = [];
  for (const lines of [["say a"], ["exit 1"], ["stop refusal"]]) ids.push(await inBackground(lines, narrowTools));
  await assertNoChildren(daemon);
  using door = await control(daemon);
  expect((await door.request("status", {})).delegations).toEqual({ running: 0, queued: 0 });
  const own = (await listed(narrowTools)).slice(-3);
  expect(own.map(({ delegation_id: id, status }) => [id, status])).toEqual([
    [ids[0], "completed"],
    [ids[1], "failed"],
    [ids[2], "refused"],
  ]);
});
