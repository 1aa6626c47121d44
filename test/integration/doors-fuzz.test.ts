/**
 * Nonsense at every door: greetings, HTTP, and JSON-RPC that is nearly right. Whatever comes, the daemon answers or hangs up, makes
 * no mistake of its own, keeps nothing, and serves on. The same nonsense each time.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import * as fc from "../support/fast-check.ts";
import { expect, test } from "vitest";
import type { Greeting } from "../../src/control/hello.ts";
import { readSocketKey } from "../../src/control/socket-key.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { control, endOf, openParent, type Parent } from "./delegating.ts";

const config = [scriptedProfile("parent", { delegation: "enabled = true" }), scriptedProfile("worker")].join("\n");
const mebibyte = 1024 * 1024;

let daemon: TestDaemon;
let parent: Parent;
let url: URL;
let token: string;
let memoryBefore: number;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
    const [server] = await parent.servers();
    if (server?.type !== "http") throw new Error("expected tools over HTTP");
    url = new URL(server.url);
    token = server.headers[0]!.value;
    memoryBefore = residentBytes();
  },
  close: () => endOf(daemon, [parent]),
});

/** After each kind of nonsense. */
async function isUnharmed(): Promise<void> {
  using door = await control(daemon);
  expect(await door.request("status", {})).toMatchObject({ pid: daemon.pid });
  expect((await parent.prompt("say fine")).text).toBe("fine");
  expect(daemon.stderr.split("\n").filter((line) => line.includes('"event":"bug"'))).toEqual([]);
  expect(residentBytes() - memoryBefore).toBeLessThan(200 * mebibyte);
}

function residentBytes(): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daemon.pid}/status`, "utf8"))?.[1];
  return Number(kibibytes) * 1024;
}

function samples<T>(arbitrary: fc.Arbitrary<T>, count: number): T[] {
  return fc.sample(arbitrary, { numRuns: count });
}

type Pieces = readonly (string | Uint8Array)[];
type Place = { path: string } | { port: number; host: string };

/** Connects, says it in pieces, and hears what comes. */
function say(where: Place, pieces: Pieces): { socket: Socket; heard: string } {
  const caller = { socket: connect(where as { path: string }), heard: "" };
  caller.socket.setEncoding("latin1").on("data", (text: string) => (caller.heard += text));
  caller.socket.on("error", () => {});
  caller.socket.once("connect", () => {
    for (const piece of pieces) caller.socket.write(piece);
    caller.socket.end();
  });
  return caller;
}

/** What each of them hears, some at a time. */
async function sayAll(where: Place, all: readonly Pieces[]): Promise<string[]> {
  const heard: string[] = [];
  for (let at = 0; at < all.length; at += 25) {
    const callers = all.slice(at, at + 25).map((pieces) => say(where, pieces));
    await leftOrKeptWaiting(callers.map(({ socket }) => socket));
    heard.push(...callers.map((caller) => caller.heard));
  }
  return heard;
}

/** Whoever is kept waiting hangs up, when nothing has come to anybody for much longer than the daemon takes for an answer now. */
async function leftOrKeptWaiting(sockets: readonly Socket[]): Promise<void> {
  const areGone = (): boolean => sockets.every(({ destroyed }) => destroyed);
  const bytes = (): number => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  for (let before = -1; !areGone() && bytes() !== before;) {
    before = bytes();
    const askedAt = performance.now();
    using door = await control(daemon);
    await door.request("status", {});
    const answeredAt = performance.now();
    const quietMs = 500 + 5 * (answeredAt - askedAt);
    await until(() => areGone() || performance.now() - answeredAt > quietMs, { what: "the time to be over" });
  }
  for (const socket of sockets) socket.destroy();
}

/** JSON of any shape, with names that mean something to somebody. */
const words = fc.constantFrom(
  "__proto__",
  "constructor",
  "toString",
  "sessionId",
  "cwd",
  "id",
  "",
  "\u0000",
  "\ud800",
  "../..",
  "$ref",
);
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  words,
  fc.dictionary(words, fc.jsonValue({ maxDepth: 2 })),
  fc.constantFrom(1e308, -1, 2 ** 53, Number.MIN_VALUE, "x".repeat(100_000)),
);

function message(methods: readonly string[]): fc.Arbitrary<object> {
  return fc.record(
    {
      jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant("2.0") }, { weight: 1, arbitrary: anything }),
      id: fc.oneof(fc.nat(), fc.string(), anything),
      method: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...methods) }, { weight: 1, arbitrary: anything }),
      params: anything,
    },
    { requiredKeys: [] },
  );
}

const socket = (): { path: string } => ({ path: daemon.home.socket });

test("greetings of any bytes, in any pieces, are hung up on or let in", async () => {
  const bytes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 5 });
  const greeting = fc
    .record(
      {
        protocol: fc.oneof(fc.constant(1), anything),
        version: anything,
        door: fc.oneof(fc.constantFrom("editor", "mcp", "control"), anything),
        agent: anything,
        cwd: anything,
        token: anything,
      },
      { requiredKeys: [] },
    )
    .map((fields) => [`${JSON.stringify({ crucible: fields })}\n`]);
  await sayAll(socket(), [...samples(bytes, 60), ...samples(greeting, 100)]);
  await isUnharmed();
});

function hello(fields: Omit<Greeting["hello"], "">): string {
  return `${JSON.stringify({ crucible: { protocol: 1, version: "0.1.0", key: readSocketKey(daemon.home.socket), ...fields } })}\n`;
}

const lines = (methods: readonly string[]): fc.Arbitrary<string[]> =>
  fc.array(
    fc.oneof(
      { weight: 9, arbitrary: message(methods).map((one) => JSON.stringify(one)) },
      { weight: 1, arbitrary: fc.string() },
    ),
    { minLength: 1, maxLength: 8 },
  );

test("any requests at the control door are answered, wrong ones with an error", async () => {
  const methods = [
    "status",
    "ps",
    "delegate",
    "terminal_auth",
    "$/cancel_request",
    "constructor",
    "__proto__",
    "hasOwnProperty",
  ];
  const all = samples(lines(methods), 60).map((some) => [
    hello({ door: "control" }),
    ...some.map((line) => `${line}\n`),
  ]);
  const heard = (await sayAll(socket(), all)).flatMap((text) => text.split("\n").filter(Boolean));
  expect(heard.length).toBeGreaterThan(50);
  for (const line of heard) expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
  expect(heard.some((line) => line.includes("CRU_CONTROL_INVALID"))).toBe(true);
  await isUnharmed();
});

test("any requests at the editor's door", async () => {
  const methods = [
    "initialize",
    "session/new",
    "session/load",
    "session/prompt",
    "session/cancel",
    "session/list",
    "session/fork",
    "session/close",
    "session/set_mode",
    "authenticate",
    "$/cancel_request",
  ];
  const greeting = hello({ door: "editor", agent: "worker", cwd: daemon.kiln } as never);
  const all = samples(lines(methods), 25).map((some) => [greeting, ...some.map((line) => `${line}\n`)]);
  await sayAll(socket(), all);
  await isUnharmed();
});

const tools = [
  "delegate_session",
  "wait_delegation",
  "read_delegation",
  "list_delegations",
  "cancel_delegation",
  "send_to_delegation",
  "handoff_session",
  "create_agent",
  "toString",
];
const call = fc.record({
  jsonrpc: fc.constant("2.0"),
  id: fc.nat(),
  method: fc.constant("tools/call"),
  params: fc.record({
    name: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...tools) }, { weight: 1, arbitrary: anything }),
    arguments: fc.oneof(
      anything,
      fc.dictionary(
        fc.constantFrom(
          "agent",
          "task",
          "tasks",
          "id",
          "ids",
          "offset",
          "max_bytes",
          "message",
          "name",
          "extends",
          "tools",
          "cwd",
        ),
        anything,
      ),
    ),
  }),
});
const mcpMethods = [
  "initialize",
  "tools/list",
  "tools/call",
  "ping",
  "notifications/initialized",
  "notifications/cancelled",
];

test("any requests at the door of the tools, over a stream", async () => {
  const initialize = JSON.stringify({
    jsonrpc: "2.0",
    id: "first",
    method: "initialize",
    params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
  });
  const said = fc.array(
    fc.oneof(message(mcpMethods), call).map((one) => JSON.stringify(one)),
    { minLength: 1, maxLength: 6 },
  );
  const greeting = hello({ door: "mcp", agent: "parent", cwd: daemon.kiln } as never);
  const all = samples(said, 40).map((some) => [greeting, `${initialize}\n`, ...some.map((line) => `${line}\n`)]);
  const heard = await sayAll(socket(), all);
  expect(heard.some((text) => text.includes('"first"'))).toBe(true);
  await isUnharmed();
});

test("any requests over HTTP, with the token and without, are answered below 500", async () => {
  const headers = fc.dictionary(
    fc.constantFrom(
      "mcp-session-id",
      "mcp-protocol-version",
      "content-type",
      "accept",
      "last-event-id",
      "expect",
      "mcp-method",
      "mcp-name",
    ),
    fc.oneof(
      fc.constantFrom("2025-06-18", "2026-07-28", "application/json", "text/event-stream", "*/*", "100-continue"),
      fc.string(),
    ),
  );
  const body = fc.oneof(
    message(mcpMethods).map((one) => JSON.stringify(one)),
    call.map((one) => JSON.stringify(one)),
    fc.array(message(mcpMethods), { maxLength: 20 }).map((some) => JSON.stringify(some)),
    fc.string(),
  );
  const asked = fc.record({
    method: fc.constantFrom("POST", "POST", "POST", "GET", "DELETE", "PUT", "OPTIONS", "HEAD"),
    path: fc.oneof({ weight: 8, arbitrary: fc.constant("/mcp") }, { weight: 1, arbitrary: fc.webPath() }),
    headers,
    body,
    shown: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  });
  const all = samples(asked, 120).map(({ method, path, headers: more, body: text, shown }) => {
    const typed = { "content-type": "application/json", accept: "application/json, text/event-stream", ...more };
    const fields = Object.entries(typed).map(
      ([name, value]) => `${name}: ${value.replaceAll(/[^\x20-\x7e]/g, "?")}\r\n`,
    );
    const authorization = shown ? `authorization: ${token}\r\n` : "";
    const length = `content-length: ${Buffer.byteLength(text)}\r\n`;
    return [
      `${method} ${path || "/"} HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\n${authorization}${length}${fields.join("")}\r\n`,
      text,
    ];
  });
  const heard = await sayAll({ port: Number(url.port), host: "127.0.0.1" }, all);
  const answered = heard.filter((text) => text !== "").map((text) => Number(text.slice(9, 12)));
  expect(answered.length).toBeGreaterThan(90);
  expect(answered.filter((status) => status >= 500)).toEqual([]);
  expect(new Set(answered).size).toBeGreaterThan(3);
  await isUnharmed();
});

test("any bytes to the HTTP port are hung up on", async () => {
  const bytes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 500 }), { minLength: 1, maxLength: 3 });
  await sayAll({ port: Number(url.port), host: "127.0.0.1" }, samples(bytes, 100));
  await isUnharmed();
});

test("when all have hung up, nothing is kept of them", async () => {
  await until(
    async () => {
      using door = await control(daemon);
      const { sessions, agents, editors } = await door.request("status", {});
      return sessions === 1 && agents === 1 && editors === 1;
    },
    { what: "the parent to be all that is left" },
  );
});
