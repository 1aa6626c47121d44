/** The limits of the tools' HTTP door: each is reached here, and the door serves on. */
import { connect, type Socket } from "node:net";
import { Server } from "@modelcontextprotocol/server";
import { afterEach, expect, test } from "vitest";
import { Scope } from "../../../src/base/scope.ts";
import { AccessTokens } from "../../../src/mcp/access.ts";
import { openHttpDoor, type HttpDoor, type HttpDoorOptions } from "../../../src/mcp/http-door.ts";
import { createBus } from "../../../src/observe/bus.ts";
import type { Session } from "../../../src/sessions/session.ts";
import { until } from "../../support/conditions.ts";

interface Stage {
  door: HttpDoor;
  port: number;
  token: string;
  session: Session;
  bugs: unknown[];
}

const doors: HttpDoor[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const door of doors.splice(0)) await door.close();
});

async function stage(limits: HttpDoorOptions["limits"] = {}): Promise<Stage> {
  const tokens = new AccessTokens();
  const bus = createBus();
  const bugs: unknown[] = [];
  bus.on("bug", ({ error }) => void bugs.push(error));
  const session = { id: "ses_1", scope: new Scope(() => {}) } as unknown as Session;
  const token = tokens.issue(session);
  const serverFor = (): Server => new Server({ name: "t", version: "1" }, { capabilities: { tools: {} } });
  const door = await openHttpDoor({ tokens, serverFor, bus, limits });
  doors.push(door);
  return { door, port: Number(new URL(door.url).port), token, session, bugs };
}

/** A connection that says what it is told, and keeps what it hears. */
function call(port: number, text = ""): { socket: Socket; heard: () => string; closed: () => boolean } {
  let heard = "";
  let closed = false;
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  socket.setEncoding("utf8").on("data", (chunk: string) => (heard += chunk));
  socket.on("error", () => {}).on("close", () => (closed = true));
  if (text !== "") socket.write(text);
  return { socket, heard: () => heard, closed: () => closed };
}

function head({ port, token }: Stage, length: number, more = ""): string {
  return `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\ncontent-length: ${length}\r\n${more}\r\n`;
}

const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

async function servesOn(at: Stage): Promise<void> {
  const { heard } = call(at.port, head(at, ping.length) + ping);
  await until(() => heard().startsWith("HTTP/1.1 "), { what: "an answer" });
  expect(heard()).not.toMatch(/^HTTP\/1\.1 (5|429|403|401)/);
  expect(at.bugs).toEqual([]);
}

test("who says nothing, or dribbles his headers, is hung up on", async () => {
  const at = await stage({ headersTimeoutMs: 300 });
  const silent = call(at.port);
  const slow = call(at.port, "POST /mcp HTTP/1.1\r\nx-a");
  const dribble = setInterval(() => slow.socket.write("a"), 50);
  await until(() => silent.closed() && slow.closed(), { what: "both to be hung up on" });
  clearInterval(dribble);
  await servesOn(at);
});

test("who dribbles his body is hung up on", async () => {
  const at = await stage({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
  const slow = call(at.port, head(at, 1000));
  const dribble = setInterval(() => slow.socket.write(" "), 50);
  await until(slow.closed, { what: "the slow one to be hung up on" });
  clearInterval(dribble);
  await servesOn(at);
});

test("a connection that has had its answer is closed when nothing more comes", async () => {
  const at = await stage({ idleTimeoutMs: 200 });
  const one = call(at.port, head(at, ping.length) + ping);
  await until(() => one.heard() !== "", { what: "an answer" });
  await until(one.closed, { what: "the idle one to be closed" });
});

test("connections beyond the limit are closed unheard", async () => {
  const at = await stage({ maxHttpConnections: 3 });
  const held = [call(at.port), call(at.port), call(at.port)];
  const beyond = call(at.port);
  await until(beyond.closed, { what: "the fourth to be closed" });
  expect(held.map(({ closed }) => closed())).toEqual([false, false, false]);
  for (const { socket } of held) socket.destroy();
  await until(async () => {
    const again = call(at.port, head(at, ping.length) + ping);
    await until(() => again.heard() !== "" || again.closed());
    return again.heard() !== "";
  });
});

test("requests of one session beyond the limit are refused until one of them is over", async () => {
  const at = await stage({ maxRequestsPerSession: 2 });
  const held = [call(at.port, head(at, 1000)), call(at.port, head(at, 1000))];
  await until(async () => {
    const beyond = call(at.port, head(at, ping.length) + ping);
    await until(() => beyond.heard() !== "", { what: "an answer" });
    return beyond.heard().startsWith("HTTP/1.1 429");
  });
  for (const { socket } of held) socket.destroy();
  await until(async () => {
    const again = call(at.port, head(at, ping.length) + ping);
    await until(() => again.heard() !== "", { what: "an answer" });
    return !again.heard().startsWith("HTTP/1.1 429");
  });
  // Whoever hangs up in the middle of a body makes no mistake of ours.
  expect(at.bugs).toEqual([]);
});

test("a token whose session ends while the body comes is refused", async () => {
  const at = await stage();
  const one = call(at.port, head(at, ping.length) + ping.slice(0, -1));
  // A second request on another connection has been answered after the first was begun.
  await servesOn(at);
  await at.session.scope.close();
  one.socket.write(ping.slice(-1));
  await until(() => one.heard() !== "", { what: "an answer" });
  expect(one.heard()).toMatch(/^HTTP\/1\.1 401/);
});

test.each([
  ["a hundred and one levels of JSON", `${"[".repeat(101)}${"]".repeat(101)}`, 413],
  ["a hundred thousand levels", "[".repeat(100_000), 413],
  ["brackets in a text are no levels", JSON.stringify({ text: "[{".repeat(500), escaped: '\\"[[' }), 400],
  ["a text that never ends, all of it quotes, which takes no longer than any other", `"${'\\"'.repeat(100_000)}`, 400],
  ["a hundred and one messages", JSON.stringify(Array.from({ length: 101 }, () => ({ jsonrpc: "2.0" }))), 413],
])("%s", async (_name, body, expected) => {
  const at = await stage();
  const { heard } = call(at.port, head(at, body.length, "content-type: application/json\r\n") + body);
  await until(() => heard() !== "", { what: "an answer" });
  const status = Number(heard().slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
  if (expected === 413) expect(status).toBe(413);
  else expect(status).not.toBe(413);
  await servesOn(at);
});

test.each([
  ["two Hosts", (port: number) => `host: 127.0.0.1:${port}\r\nhost: 127.0.0.1:${port}\r\n`],
  ["another port", (port: number) => `host: 127.0.0.1:${port + 1}\r\n`],
  ["no port", () => "host: 127.0.0.1\r\n"],
  ["a name with a dot behind it", (port: number) => `host: localhost.:${port}\r\n`],
  ["a name that only begins so", (port: number) => `host: localhost.evil.example:${port}\r\n`],
  ["somebody in front of it", (port: number) => `host: evil@127.0.0.1:${port}\r\n`],
  ["the address written otherwise", (port: number) => `host: 2130706433:${port}\r\n`],
  [
    "two Origins, one of them foreign",
    (port: number) => `host: localhost:${port}\r\norigin: http://localhost\r\norigin: http://evil.example\r\n`,
  ],
])("a forged Host or Origin is refused before the token is looked at: %s", async (_name, headers) => {
  const at = await stage();
  const { heard } = call(at.port, `GET /mcp HTTP/1.1\r\n${headers(at.port)}\r\n`);
  await until(() => heard() !== "", { what: "an answer" });
  expect(heard()).toMatch(/^HTTP\/1\.1 (403|400)/);
});

test("HTTP/1.0 without any Host is refused", async () => {
  const at = await stage();
  const { heard } = call(at.port, `GET /mcp HTTP/1.0\r\nauthorization: Bearer ${at.token}\r\n\r\n`);
  await until(() => heard() !== "", { what: "an answer" });
  expect(heard()).toMatch(/^HTTP\/1\.1 403/);
});
