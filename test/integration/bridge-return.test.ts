/**
 * `crucible acp` when its daemon goes: what the editor is told, what is held, and how it is introduced to the next daemon, which
 * is a socket server of the test's own. With real daemons and agents it is tested in daemon-lost.test.ts.
 */
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { daemonAbsenceLimitMs } from "../../src/cli/lasting-bridge/search.ts";
import { farewell, type Greeting } from "../../src/control/hello.ts";
import { connectAcpClient, type AcpClient } from "../support/acp-client.ts";
import { crucibleUser } from "../support/command-line.ts";
import { until } from "../support/conditions.ts";
import { fakeDaemon, type FakeDaemon } from "../support/fake-daemon.ts";

const prompt = (sessionId: string): object => ({ sessionId, prompt: [{ type: "text", text: "go" }] });
const servers = [{ name: "docs", command: "/bin/docs", args: [], env: [{ name: "KEY", value: "secret" }] }];

test("a daemon that dies: what was under way is answered, and what was asked is withdrawn, at once", async () => {
  const { editor, server } = await joined();
  const turn = editor.sendRequest("session/prompt", prompt("ses_1"));
  const opening = editor.sendRequest("session/new", { cwd: "/" });
  await server.acp.waitForRequest("session/new");
  server.acp.sendLine(JSON.stringify({ jsonrpc: "2.0", id: 7, method: "session/request_permission", params: {} }));
  editor.onRequest("session/request_permission", () => new Promise(() => {}));
  await editor.waitForRequest("session/request_permission");
  await server.daemon.die();

  const [ofTurn, ofOpening] = [await turn.answer(), await opening.answer()];
  expect(ofTurn.error).toMatchObject({ code: -32603, data: { code: "CRU_DAEMON_LOST" } });
  expect(ofTurn.error?.message).toBe(
    "the daemon was restarted; what the agent was doing is unknown\nhint: send your message again",
  );
  expect(ofOpening.error?.message).toContain("before it had answered session/new");
  const withdrawn = await editor.waitFor(({ method }) => method === "$/cancel_request");
  expect(withdrawn.params).toEqual({ requestId: 7 });
  editor.endInput();
  await editor.exited();
});

test("the next daemon is introduced to the editor, and opens its sessions again as they were opened", async () => {
  const { editor, server, user } = await joined();
  const opened = editor.sendRequest("session/new", { cwd: "/one", mcpServers: servers, _meta: { theme: "dark" } });
  await server.answer("session/new", { sessionId: "ses_1" });
  await opened.answer();
  const loaded = editor.sendRequest("session/load", { sessionId: "ses_2", cwd: "/two", mcpServers: [] });
  await server.answer("session/load", {});
  await loaded.answer();
  const refused = editor.sendRequest("session/resume", { sessionId: "ses_3", cwd: "/three" });
  await server.answer("session/resume", undefined, { code: -32002, message: "no" });
  await refused.answer();
  const closed = editor.sendRequest("session/load", { sessionId: "ses_4", cwd: "/four" });
  await server.answer("session/load", {});
  await closed.answer();
  const closing = editor.sendRequest("session/close", { sessionId: "ses_4" });
  await server.answer("session/close", {});
  await closing.answer();
  const before = editor.received.length;
  await server.daemon.die();

  const next = await serverFor(await fakeDaemon(user));
  expect(next.greeting?.hello).toMatchObject({ door: "editor", daemonsBefore: 1 });
  const introduction = await next.answer("initialize", { protocolVersion: 1 });
  expect(introduction).toEqual(server.acp.received.find(({ method }) => method === "initialize")?.params);
  await until(() => next.requests("session/resume").length === 2, { what: "both sessions" });
  expect(next.requests("session/resume").map(({ params }) => params)).toEqual([
    { sessionId: "ses_1", cwd: "/one", mcpServers: servers, _meta: { theme: "dark", crucible: { restore: true } } },
    { sessionId: "ses_2", cwd: "/two", mcpServers: [], _meta: { crucible: { restore: true } } },
  ]);
  await next.answer("session/resume", {});
  await next.answer("session/resume", {});

  const turn = editor.sendRequest("session/prompt", prompt("ses_1"));
  await next.answer("session/prompt", { stopReason: "end_turn" });
  expect((await turn.answer()).result).toEqual({ stopReason: "end_turn" });
  // Nothing of what the bridge asked for itself reaches the editor.
  expect(editor.received.slice(before)).toHaveLength(1);
  await until(() => editor.stderr.includes("connected to the daemon again; sessions opened again: 2"));
  editor.endInput();
  await editor.exited();
});

test("an initialize that was not answered is asked again, and its answer is the editor's", async () => {
  const { editor, server, user } = await started();
  const asked = editor.sendRequest("initialize", { protocolVersion: 1 });
  await server.acp.waitForRequest("initialize");
  await server.daemon.die();
  const next = await serverFor(await fakeDaemon(user));
  await next.answer("initialize", { protocolVersion: 1, agentInfo: { name: "second" } });
  expect((await asked.answer()).result).toMatchObject({ agentInfo: { name: "second" } });
  editor.endInput();
  await editor.exited();
});

test("a daemon that dies while it is being introduced is followed by the next, and what was said meanwhile is not lost", async () => {
  const { editor, server, user } = await joined();
  await died(server, editor);
  const turn = editor.sendRequest("session/prompt", prompt("ses_1"));
  for (let time = 0; time < 3; time++) {
    const dying = await serverFor(await fakeDaemon(user));
    await dying.acp.waitForRequest("initialize");
    await dying.daemon.die();
  }
  const last = await serverFor(await fakeDaemon(user));
  expect(last.greeting?.hello).toMatchObject({ daemonsBefore: 4 });
  await last.answer("initialize", {});
  await last.answer("session/prompt", { stopReason: "end_turn" });
  expect((await turn.answer()).result).toEqual({ stopReason: "end_turn" });
  editor.endInput();
  await editor.exited();
});

test("half a message of a daemon that dies in the middle of it never reaches the editor", async () => {
  const { editor, server } = await joined();
  const whole = { jsonrpc: "2.0", method: "session/update", params: { sessionId: "ses_1", update: {} } };
  server.socket.write(`${JSON.stringify(whole)}\n${JSON.stringify(whole).slice(0, 40)}`);
  await editor.waitFor(({ method }) => method === "session/update");
  await died(server, editor);
  // The test's client fails on any line that is not JSON-RPC.
  await editor.end();
});

test("an answer to a question of a daemon that is gone is not taken to the next one", async () => {
  const { editor, server, user } = await joined();
  await died(server, editor);
  editor.sendLine(JSON.stringify({ jsonrpc: "2.0", id: 0, result: { outcome: { outcome: "selected" } } }));
  const turn = editor.sendRequest("session/prompt", prompt("ses_1"));
  const next = await serverFor(await fakeDaemon(user));
  await next.answer("initialize", {});
  await next.answer("session/prompt", { stopReason: "end_turn" });
  await turn.answer();
  expect(next.acp.received.map(({ method }) => method)).toEqual(["initialize", "session/prompt"]);
  await editor.end();
});

test("what an editor says while there is no daemon is held up to a limit; what is more is answered with an error", async () => {
  const { editor, server, user } = await joined();
  await died(server, editor);
  const megabyte = { sessionId: "ses_1", prompt: [{ type: "text", text: "x".repeat(1024 * 1024) }] };
  const turns = Array.from({ length: 17 }, () => editor.sendRequest("session/prompt", megabyte));
  for (const turn of turns.slice(15)) {
    expect((await turn.answer()).error).toMatchObject({ data: { code: "CRU_DAEMON_AWAY" } });
  }
  const next = await serverFor(await fakeDaemon(user));
  await next.answer("initialize", {});
  await until(() => next.requests("session/prompt").length === 15, { what: "what was held" });
  await editor.end();
});

describe("a daemon that does not take the editor", () => {
  test("is told of in the answer to what the editor asked, which can be asked again", async () => {
    const { editor, server, user } = await joined();
    await died(server, editor);
    const first = editor.sendRequest("session/prompt", prompt("ses_1"));
    const daemon = await fakeDaemon(user);
    const refusing = await serverFor(daemon);
    const version = { code: -32603, message: "they cannot talk", data: { code: "CRU_DAEMON_VERSION" } };
    await refusing.answer("initialize", undefined, version);
    expect((await first.answer()).error).toEqual(version);

    const comesBack = serverFor(daemon);
    const second = editor.sendRequest("session/prompt", prompt("ses_1"));
    const taking = await comesBack;
    await taking.answer("initialize", {});
    await taking.answer("session/prompt", { stopReason: "end_turn" });
    expect((await second.answer()).result).toEqual({ stopReason: "end_turn" });
    await editor.end();
  });

  test("and hangs up each time is given up on after ten times, until the editor says something again", async () => {
    const { editor, server, user } = await joined();
    await died(server, editor);
    const turn = editor.sendRequest("session/prompt", prompt("ses_1"));
    const daemon = await fakeDaemon(user);
    for (let time = 0; time < 10; time++) (await daemon.caller()).socket.destroy();
    expect((await turn.answer()).error).toMatchObject({ data: { code: "CRU_DAEMON_CONNECTION" } });
    const again = daemon.caller();
    editor.notify("session/cancel", { sessionId: "ses_1" });
    const prompted = editor.sendRequest("session/prompt", prompt("ses_1"));
    const next = await serverFor(daemon, again);
    await next.answer("initialize", {});
    await next.answer("session/prompt", { stopReason: "end_turn" });
    expect((await prompted.answer()).result).toEqual({ stopReason: "end_turn" });
    await editor.end();
  });
});

describe("a daemon that says that it was asked to end", () => {
  test("is not started again before the editor needs one", async () => {
    const user = await crucibleUser();
    const { editor, server } = await joined(user, []);
    server.socket.write(farewell);
    await server.daemon.die();
    await until(() => editor.stderr.includes("started again when it is needed"), { what: "the notice" });
    const turn = editor.sendRequest("session/list", {});
    // This is a real daemon by now, to which nobody told of this agent.
    expect((await turn.answer()).error?.data).toMatchObject({ code: "CRU_AGENT_UNKNOWN" });
    expect(editor.received.some((message) => "crucible" in message)).toBe(false);
    await editor.end();
  });
});

test("an editor that closes while there is no daemon is done at once", async () => {
  const { editor, server } = await joined();
  await died(server, editor);
  editor.sendRequest("session/prompt", prompt("ses_1"));
  editor.endInput();
  expect(await editor.exited({ timeoutMs: daemonAbsenceLimitMs / 2 })).toEqual({ code: 0, signal: null });
});

interface Server {
  acp: AcpClient;
  socket: Socket;
  greeting: Greeting | undefined;
  daemon: FakeDaemon;
  requests(method: string): AcpClient["received"];
  /** Answers the next unanswered request of this method, and gives its params. */
  answer(method: string, result: unknown, error?: object): Promise<Record<string, unknown> | undefined>;
}

/** Once the bridge knows, what the editor says is for the next daemon. */
async function died(server: Server, editor: AcpClient): Promise<void> {
  await server.daemon.die();
  await until(() => editor.stderr.includes("broke"), { what: "the notice" });
}

type User = Awaited<ReturnType<typeof crucibleUser>>;

async function serverFor(daemon: FakeDaemon, calling = daemon.caller()): Promise<Server> {
  const { socket, greeting } = await calling;
  const acp = connectAcpClient({ input: socket, output: socket });
  socket.once("end", () => socket.end()).resume();
  const answered = new Set<unknown>();
  acp.onRequest("*", () => new Promise(() => {}));
  return {
    acp,
    socket,
    greeting,
    daemon,
    requests: (method) => acp.received.filter((message) => message.method === method && message.id !== undefined),
    async answer(method, result, error) {
      const isNext = (message: AcpClient["received"][number]): boolean =>
        message.method === method && message.id !== undefined && !answered.has(message.id);
      const { id, params } = await acp.waitFor(isNext, { what: method });
      answered.add(id);
      acp.sendLine(JSON.stringify({ jsonrpc: "2.0", id, ...(error ? { error } : { result }) }));
      return params;
    },
  };
}

/** `crucible acp` on a server of the test's own; nothing was said yet. */
async function started(known?: User, args: readonly string[] = ["--no-autostart"]) {
  const user = known ?? (await crucibleUser());
  const daemon = await fakeDaemon(user);
  const process = user.start(["acp", "--agent", "mine", ...args]);
  const editor = connectAcpClient({ input: process.stdout, output: process.stdin }, process);
  return { user, editor, server: await serverFor(daemon) };
}

/** The same, initialized. */
async function joined(known?: User, args?: readonly string[]) {
  const parts = await started(known, args);
  const initialized = parts.editor.initialize({ fs: { readTextFile: true } });
  await parts.server.answer("initialize", { protocolVersion: 1 });
  await initialized;
  return parts;
}
