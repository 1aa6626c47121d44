/**
 * Many at once, and some that take without measure: what the daemon holds stays bounded, the others get their answers while it
 * goes on, and what was dropped is said.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { expect, test } from "vitest";
import { maxMessageBytes } from "../../src/acp/link.ts";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { openDoor } from "../../src/control/door.ts";
import { maxQueuedDelegations } from "../../src/delegation/waiting-line.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { LinePeer } from "../support/line-peer.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { assertNoChildren, control, endOf, openParent, type Parent } from "./delegating.ts";
import { callTool, delegateWith } from "./tool-calls.ts";

const editorCount = 100;
const places = 3;

let daemon: TestDaemon;
let parent: Parent;
let tools: Client;

shareAmongTests({
  open: async () => {
    const program = JSON.stringify(join(import.meta.dirname, "../agents/quick.sh"));
    const rules = ["enabled = true", `max_concurrent_delegations = ${places}`, "max_agents_per_tree = 10000"];
    daemon = await startDaemon({
      config: [
        `[server]\nmax_agents = ${editorCount + 20}\n`,
        `[acp.agents.quick]\ncommand = ${program}\n`,
        scriptedProfile("parent", { delegation: rules.join("\n") }),
      ].join("\n"),
    });
    parent = await openParent(daemon, "parent");
    tools = await parent.tools();
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [tools, parent]),
});

/** An editor with one session of the quick agent. */
class Editor {
  readonly peer: LinePeer;
  readonly socket: Socket;
  #session = "";
  #lastId = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.peer = new LinePeer(socket);
  }

  static async open(): Promise<Editor> {
    const editor = new Editor(await openDoor(daemon.home.socket, { door: "editor", agent: "quick", cwd: daemon.kiln }));
    await editor.ask("initialize", { protocolVersion: 1 });
    const { sessionId } = await editor.ask("session/new", { cwd: daemon.kiln, mcpServers: [] });
    editor.#session = String(sessionId);
    return editor;
  }

  async ask(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    this.peer.send({ jsonrpc: "2.0", id, method, params });
    return (await this.peer.waitFor({ id }))["result"] as Record<string, unknown>;
  }

  prompt(text: string): Promise<Record<string, unknown>> {
    return this.ask("session/prompt", { sessionId: this.#session, prompt: [{ type: "text", text }] });
  }

  /** Has its agent talk without end; what comes is only counted. */
  flood(): { bytes: number } {
    const heard = { bytes: 0 };
    this.socket.removeAllListeners("data");
    this.socket.on("data", (chunk: Buffer) => (heard.bytes += chunk.length));
    void this.prompt("flood-for-ever").catch(() => {});
    return heard;
  }
}

async function openEditors(count: number): Promise<Editor[]> {
  return Promise.all(Array.from({ length: count }, () => Editor.open()));
}

async function closeEditors(editors: readonly Editor[]): Promise<void> {
  for (const { socket } of editors) socket.destroy();
  await until(async () => (await status()).editors === 1, { what: "the editors to go" });
}

async function status() {
  using door = await control(daemon);
  return await door.request("status", {});
}

function residentMb(): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1]) / 1024;
}

function descriptors(): number {
  return readdirSync(`/proc/${daemon.pid}/fd`).length;
}

test("a hundred editors: each is answered while one does not read, one's agent floods, and one's message has no end", async () => {
  const before = { resident: residentMb(), descriptors: descriptors(), agents: (await status()).agents };
  const editors = await openEditors(editorCount);
  expect(await status()).toMatchObject({ editors: editorCount + 1, agents: before.agents + editorCount });
  const opened = residentMb();
  expect(opened - before.resident, "MB that so many editors take").toBeLessThan(editorCount);

  const [slow, flooded, endless, ...others] = editors as [Editor, Editor, Editor, ...Editor[]];
  const unread = slow.flood();
  slow.socket.pause();
  const read = flooded.flood();
  const piece = "x".repeat(1024 * 1024);
  endless.socket.write('{"jsonrpc":"2.0","id":"endless","method":"_vendor/endless","params":{"x":"');
  let endlessBytes = 0;
  const more = (): void => {
    do endlessBytes += piece.length;
    while (endless.socket.write(piece));
  };
  endless.socket.on("drain", more);
  more();
  await until(() => read.bytes > 1e6 && endlessBytes > maxMessageBytes, { what: "all three to be at it" });

  const answers = await Promise.all(others.map((editor) => editor.prompt("hello")));
  expect(answers).toEqual(others.map(() => ({ stopReason: "end_turn" })));
  const [heard, said] = [read.bytes, endlessBytes];
  await until(() => read.bytes > heard && endlessBytes > said, { what: "both to go on as before" });
  expect(residentMb() - opened, "MB that these three take").toBeLessThan((4 * maxMessageBytes) / 1024 / 1024);

  endless.socket.off("drain", more);
  endless.socket.write('"}}\n');
  const { error } = await endless.peer.waitFor({ id: "endless" });
  expect(error).toMatchObject({ data: { code: "CRU_MESSAGE_TOO_LARGE" } });
  expect(await endless.prompt("hello")).toEqual({ stopReason: "end_turn" });
  expect(unread.bytes).toBeLessThan(read.bytes);

  await closeEditors(editors);
  await until(async () => (await status()).agents === before.agents, { what: "their agents to go" });
  expect(descriptors()).toBeLessThanOrEqual(before.descriptors + 2);
});

test("a thousand delegations wait in a queue, one more is refused, and a cancelled turn empties it at once", async () => {
  const started = agentsStarted();
  const before = residentMb();
  const background = (count: number): Promise<DelegationResult[]> =>
    callTool<{ results: DelegationResult[] }>(tools, "delegate_session", {
      background: true,
      tasks: Array.from({ length: count }, () => ({ agent: "quick", task: "never-answer" })),
    }).then(({ data }) => data.results);
  const batch = 20;
  for (let made = 0; made < maxQueuedDelegations; made += batch) await background(batch);
  await background(places);
  await until(async () => (await status()).delegations.running === places);
  expect((await status()).delegations).toEqual({ running: places, queued: maxQueuedDelegations });
  const [refused] = await background(1);
  expect(refused).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_LIMIT" } });
  expect(refused?.error?.message).toMatch(/1000 delegations of parent wait already/);
  expect(residentMb() - before, "MB that they take").toBeLessThan(100);

  // Nobody else waits for a place of theirs.
  const other = await Editor.open();
  expect(await other.prompt("hello")).toEqual({ stopReason: "end_turn" });
  await closeEditors([other]);

  parent.editor.cancel(parent.session);
  await until(async () => (await status()).delegations.queued === 0, { what: "the queue to be empty" });
  await assertNoChildren(daemon);
  const { data } = await callTool<{ delegations: DelegationResult[] }>(tools, "list_delegations");
  expect(data.delegations).toHaveLength(maxQueuedDelegations + places);
  expect(new Set(data.delegations.map((one) => one.status))).toEqual(new Set(["cancelled"]));
  // The other editor's, and those for which there was a place.
  expect(agentsStarted() - started).toBe(1 + places);

  const again = await Promise.all(
    Array.from({ length: places + 1 }, () => delegateWith(tools, { agent: "quick", task: "again" })),
  );
  expect(again.map((one) => one.status)).toEqual(again.map(() => "completed"));
});

test("a child that floods is heard to the last, its beginning is dropped and that is said, and its sibling is done meanwhile", async () => {
  const before = residentMb();
  const { delegation_id: id } = await delegateWith(tools, { agent: "quick", task: "flood-for-ever", background: true });
  const pid = await until(floodPid, { what: "the flood" });
  const written = (): number => writtenBy(pid);
  await until(() => written() > 24e6, { what: "more than is kept" });
  const sofar = written();
  expect(await delegateWith(tools, { agent: "quick", task: "hello" })).toMatchObject({ status: "completed" });
  await until(() => written() > sofar, { what: "the flood to go on" });
  expect(residentMb() - before, "MB that the flood takes").toBeLessThan(200);
  // It reads nothing any more, so that nothing else would end it soon.
  process.kill(pid, "SIGKILL");
  const { data } = await callTool<{ delegations: DelegationResult[] }>(tools, "wait_delegation", { ids: [id] });
  expect(data.delegations[0]).toMatchObject({
    status: "failed",
    result: expect.stringMatching(/^\[the first \d+ characters were too many to keep\]/) as string,
  });
});

function agentsStarted(): number {
  return daemon.stderr.split('"event":"agent.started"').length - 1;
}

async function floodPid(): Promise<number | undefined> {
  using door = await control(daemon);
  const { roots } = await door.request("ps", {});
  return roots.flatMap(({ children }) => children).find(({ state }) => state === "working")?.pid ?? undefined;
}

/** Bytes that a process has written, and those below it, in a sandbox or not. */
function writtenBy(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  const own = Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
  return children.reduce((sum, child) => sum + writtenBy(Number(child)), own);
}
