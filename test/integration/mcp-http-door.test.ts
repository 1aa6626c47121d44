/** The tools' HTTP endpoint towards those who should not use it, and towards clients that make mistakes. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { request } from "node:http";
import { endianness } from "node:os";
import { describe, expect, test } from "vitest";
import { connectControl } from "../../src/control/client.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, connectTools, openParent, type Parent, type ToolServer } from "./delegating.ts";

const config = [scriptedProfile("parent", { delegation: "enabled = true" }), scriptedProfile("worker")].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let url: string;
let token: string;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
    ({ url, token } = await endpoint(parent));
  },
  close: () => endOf(daemon, [parent]),
});

async function endpoint(of: Parent): Promise<{ url: string; token: string }> {
  const [server] = await of.servers();
  if (server?.type !== "http") throw new Error("expected tools over HTTP");
  return { url: server.url, token: server.headers[0]!.value };
}

interface Asked {
  method?: string;
  path?: string;
  headers?: Record<string, string | undefined>;
  body?: string | Buffer;
}

/** A request as no browser or library would make it: with any Host, Origin and body. */
function ask({ method = "POST", path = "/mcp", headers = {}, body = initialize }: Asked = {}): Promise<{
  status: number;
  headers: Record<string, unknown>;
  text: string;
}> {
  const { hostname, port } = new URL(url);
  const all = {
    authorization: token,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...headers,
  };
  const set = Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return new Promise((resolve, reject) => {
    const sending = request({ hostname, port, path, method, headers: set }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      const done = (): void => resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      response.on("end", done).on("close", done);
    });
    sending.on("error", reject);
    // Whoever answers before it has heard all may hang up on the rest.
    sending.on("socket", (socket) => socket.on("error", () => {}));
    sending.end(method === "POST" ? body : undefined);
  });
}

const initialize = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
});

test("listens on loopback alone, and so does all of the daemon", () => {
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  const listening = listeningAddresses(daemon.pid);
  expect(listening).toContain(`127.0.0.1:${new URL(url).port}`);
  expect(listening.filter((address) => !address.startsWith("127.0.0.1:"))).toEqual([]);
});

/** Where a process takes connections over IP, as the kernel tells it (proc_pid_net(5)); IPv6 as it stands there. */
function listeningAddresses(pid: number): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map((name) => readlinkIfThere(`/proc/${pid}/fd/${name}`));
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const rows = ["tcp", "tcp6"].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, "utf8").split("\n").slice(1));
  return rows.flatMap((row) => {
    const [, local = "", , state, , , , , , inode = ""] = row.trim().split(/\s+/);
    return state === "0A" && own.has(inode) ? [spelledOut(local)] : [];
  });
}

function readlinkIfThere(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** `0100007F:1F90` is 127.0.0.1:8080. */
function spelledOut(local: string): string {
  const [address = "", port = ""] = local.split(":");
  if (address.length > 8) return `${address}:${Number.parseInt(port, 16)}`;
  const bytes = [...Buffer.from(address, "hex")];
  return `${(endianness() === "LE" ? bytes.toReversed() : bytes).join(".")}:${Number.parseInt(port, 16)}`;
}

describe("the token", () => {
  test("the session's own opens", async () => {
    expect((await ask()).status).toBe(200);
  });

  test.each([
    ["none", undefined],
    ["an empty one", "Bearer "],
    ["a wrong one", "Bearer not-the-token-not-the-token-not-the-token"],
    ["the right one under another scheme", "swapped"],
    ["the right one with something behind it", "longer"],
  ])("%s is 401, and says what is wanted", async (name, authorization) => {
    const changed = { swapped: token.replace("Bearer", "Basic"), longer: `${token}x` }[authorization ?? ""];
    const answer = await ask({ headers: { authorization: changed ?? authorization } });
    expect(answer.status, name).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
    expect(answer.text).not.toContain("crucible");
  });

  test("works for GET and DELETE no more than for POST", async () => {
    for (const method of ["GET", "DELETE", "PUT"]) {
      expect((await ask({ method, headers: { authorization: undefined } })).status).toBe(401);
    }
  });

  test("of an ended session is refused, on a connection that is open already too", async () => {
    const session = await parent.editor.newSession(daemon.kiln);
    const text = (await parent.editor.prompt(session, "mcp-servers")).text;
    const [server] = JSON.parse(text) as [Extract<ToolServer, { type: "http" }>];
    const own = server.headers[0]!.value;
    expect(own).not.toBe(token);
    const tools = await connectTools(server);
    expect((await tools.listTools()).tools.length).toBeGreaterThan(0);

    await parent.editor.request("session/close", { sessionId: session });
    expect((await ask({ headers: { authorization: own } })).status).toBe(401);
    await expect(tools.listTools()).rejects.toThrow();
    expect((await ask()).status).toBe(200);
    await tools.close();
  });

  test("two sessions have two tokens, and one's MCP session is closed to the other's token", async () => {
    const { headers } = await ask();
    const mcpSession = String(headers["mcp-session-id"]);
    await using other = await openParent(daemon, "parent");
    const theirs = await endpoint(other);
    expect(theirs.token).not.toBe(token);
    const list = JSON.stringify({ jsonrpc: "2.0", id: 2, method: "tools/list", params: {} });
    const withSession = { "mcp-session-id": mcpSession, "mcp-protocol-version": "2025-06-18" };
    expect((await ask({ headers: withSession, body: list })).status).toBe(200);
    expect((await ask({ headers: { ...withSession, authorization: theirs.token }, body: list })).status).toBe(404);
  });

  test("stands in no log, neither file nor stderr, nor in `crucible ps` or `status`", async () => {
    const secret = token.replace("Bearer ", "");
    using door = await connectControl(daemon.home.socket);
    const shown = JSON.stringify([await door.request("ps", {}), await door.request("status", {})]);
    expect(shown).not.toContain(secret);
    expect(daemon.stderr).not.toContain(secret);
  });
});

describe("a browser that was lured here", () => {
  test.each([["evil.example"], ["127.0.0.1.evil.example"], ["evil.example:80"], ["0.0.0.0"]])(
    "a foreign Host is 403: %s",
    async (host) => {
      expect((await ask({ headers: { host } })).status).toBe(403);
    },
  );

  test.each([["http://evil.example"], ["https://localhost.evil.example"], ["null"]])(
    "a foreign Origin is 403: %s",
    async (origin) => {
      expect((await ask({ headers: { origin } })).status).toBe(403);
    },
  );

  test("is refused before the token is looked at", async () => {
    const headers = { origin: "http://evil.example", authorization: undefined };
    expect((await ask({ headers })).status).toBe(403);
  });

  test("a local Origin and a Host by name are fine", async () => {
    const { port } = new URL(url);
    expect((await ask({ headers: { host: `localhost:${port}`, origin: `http://localhost:${port}` } })).status).toBe(
      200,
    );
  });
});

describe("requests of the wrong size or shape", () => {
  test("a body of more than 4 MiB is 413", async () => {
    const body = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "x",
      params: { padding: "x".repeat(5 * 1024 * 1024) },
    });
    expect((await ask({ body })).status).toBe(413);
  });

  test("of somewhat less is read", async () => {
    const call = {
      name: "delegate_session",
      arguments: { agent: "nobody", task: "x".repeat(3 * 1024 * 1024) },
    };
    const tools = await connectTools((await parent.servers())[0]!);
    expect(await tools.callTool(call)).toMatchObject({ structuredContent: { status: "refused" } });
    await tools.close();
  });

  test("no JSON is 400, and an unknown path is 404", async () => {
    expect((await ask({ body: "{not json" })).status).toBe(400);
    expect((await ask({ body: "" })).status).toBe(400);
    expect((await ask({ path: "/" })).status).toBe(404);
    expect((await ask({ path: "/mcp/../secret" })).status).toBe(404);
  });

  test("a path that is no path is answered", async () => {
    const { status } = await ask({ path: "//" });
    expect([400, 404]).toContain(status);
  });

  test("headers of more than 16 KiB are 431", async () => {
    expect((await ask({ headers: { "x-padding": "x".repeat(20 * 1024) } })).status).toBe(431);
  });

  test("JSON that is no JSON-RPC is an error, and the endpoint lives", async () => {
    for (const body of ["[]", "7", "null", '"x"', "{}", '{"jsonrpc":"1.0","id":1,"method":"x"}']) {
      const { status } = await ask({ body });
      expect(status, body).toBeGreaterThanOrEqual(400);
      expect(status, body).toBeLessThan(500);
    }
    expect((await ask()).status).toBe(200);
  });

  test("an unknown tool is an error of the protocol that names it", async () => {
    const tools = await connectTools((await parent.servers())[0]!);
    await expect(tools.callTool({ name: "no_such_tool", arguments: {} })).rejects.toThrow(/no_such_tool/);
    await tools.close();
  });
});

test("a client that keeps no connection calls tools all the same, and closing its request is the way to cancel", async () => {
  const call = (name: string, input: object): string =>
    JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params: { name, arguments: input } });
  const structured = ({ text }: { text: string }) =>
    (JSON.parse(/^data: (.+)$/m.exec(text)![1]!) as { id: number; result: { structuredContent: unknown } }).result
      .structuredContent;
  const done = await ask({ body: call("delegate_session", { agent: "worker", task: "say alone" }) });
  expect(done.headers["mcp-session-id"]).toBeUndefined();
  expect(structured(done)).toMatchObject({ status: "completed", result: "alone" });

  const aborter = new AbortController();
  const headers = {
    authorization: token,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const body = call("delegate_session", { agent: "worker", description: "cut", task: "hang" });
  const cut = fetch(url, { method: "POST", headers, body, signal: aborter.signal }).then((answer) => answer.text());
  const list = async () =>
    structured(await ask({ body: call("list_delegations", {}) })) as { delegations: { status: string }[] };
  await until(async () => (await list()).delegations.at(-1)?.status === "running", { what: "the second to run" });
  aborter.abort();
  await expect(cut).rejects.toThrow();
  await until(async () => (await list()).delegations.at(-1)?.status === "cancelled", { what: "its end" });
});

test("seventeen connections of one session: the oldest makes room, the newest work", async () => {
  const [server] = await parent.servers();
  const clients = [];
  for (let index = 0; index < 17; index++) {
    clients.push(await connectTools(server!, { supportedProtocolVersions: ["2025-11-25"] }));
  }
  await expect(clients[0]!.listTools()).rejects.toThrow();
  for (const client of clients.slice(-3)) expect((await client.listTools()).tools.length).toBeGreaterThan(0);
  await Promise.all(clients.map((client) => client.close()));
});
