/** What the daemon's doors give away, and to whom: nothing beyond loopback, no token, and nothing of anybody else's tree. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { formatGreeting, socketProtocol, type Hello } from "../../src/control/hello.ts";
import { readSocketKey, socketKeyFile } from "../../src/control/socket-key.ts";
import { until } from "../support/conditions.ts";
import { LinePeer } from "../support/line-peer.ts";
import { scriptedProfile, serve, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { control, endOf, openParent, type Parent, type ToolServer } from "./delegating.ts";
import { delegateWith } from "./tool-calls.ts";

const config = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 2" }),
  scriptedProfile("over-stdio", { flags: ["--mcp", "stdio", "--mcp-eager"], delegation: "enabled = true" }),
  scriptedProfile("worker"),
].join("\n");

let daemon: TestDaemon;
let one: Parent;
let other: Parent;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config, args: ["--log-level", "trace"] });
    one = await openParent(daemon, "parent");
    other = await openParent(daemon, "parent");
  },
  close: () => endOf(daemon, [one, other]),
});

async function tokenOf(parent: Parent): Promise<string> {
  const [server] = await parent.servers();
  if (server?.type === "http") return server.headers[0]!.value.replace("Bearer ", "");
  return server?.env.find(({ name }) => name === "CRUCIBLE_SESSION_TOKEN")?.value ?? "";
}

test("listens on the address of loopback and nowhere else", () => {
  const sockets = new Set(
    readdirSync(`/proc/${daemon.pid}/fd`).flatMap((name) => /^socket:\[(\d+)\]$/.exec(linkOf(name))?.[1] ?? []),
  );
  const listening = ["tcp", "tcp6", "udp", "udp6"].flatMap((kind) =>
    readFileSync(`/proc/${daemon.pid}/net/${kind}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, ...rest]) => (kind.startsWith("udp") || state === "0A") && sockets.has(rest[5] ?? ""))
      .map(([, address = ""]) => `${kind} ${address.split(":")[0]}`),
  );
  expect(listening).toEqual(["tcp 0100007F"]);
});

function linkOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/${daemon.pid}/fd/${descriptor}`);
  } catch {
    return "";
  }
}

describe("a token", () => {
  test("stands in no command line, no log, no file of the state, and nothing that commands print", async () => {
    await using stdio = await openParent(daemon, "over-stdio");
    const tokens = [await tokenOf(one), await tokenOf(other), await tokenOf(stdio)];
    expect(new Set(tokens).size).toBe(3);
    await delegateWith(await one.tools(), { agent: "worker", task: "say done" });
    // `crucible mcp`, which the agent has started, was given it in its environment.
    const lines = await until(() => {
      const found = daemon.home.processes().map(commandLineOf);
      return found.some((line) => line.includes("crucible.js\0mcp")) && found;
    });
    const printed = await Promise.all(
      [["ps"], ["ps", "--json"], ["status", "--json"]].map((args) => daemon.crucible([...args, ...daemon.home.place])),
    );
    const written = filesBelow(daemon.home.stateDirectory).map((file) => readFileSync(file, "latin1"));
    const texts = [...lines, ...written, ...printed.map(({ stdout, stderr }) => stdout + stderr), daemon.stderr];
    // The test itself had the agent say its token aloud, which a transcript holds as it holds all that is said.
    const told = texts.filter((text) => !text.startsWith("SQLite") && !text.includes('"mcp-servers"'));
    for (const token of tokens) for (const text of told) expect(text.includes(token)).toBe(false);
  });

  test("of a session that has ended opens nothing over stdio either", async () => {
    const stdio = await openParent(daemon, "over-stdio");
    const [server] = (await stdio.servers()) as Extract<ToolServer, { type?: "stdio" }>[];
    await stdio[Symbol.asyncDispose]();
    const token = server!.env.find(({ name }) => name === "CRUCIBLE_SESSION_TOKEN")!.value;
    const peer = knock({ door: "mcp", token });
    peer.send({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} });
    const answer = await peer.waitFor({ id: 1 });
    expect(answer["error"]).toMatchObject({ data: { code: "CRU_TOKEN_UNKNOWN" } });
    expect(JSON.stringify(answer)).not.toContain(token);
    peer.stream.destroy();
  });
});

/** Empty for a process that has just ended. */
function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function knock(hello: Hello, key?: string): LinePeer {
  const peer = new LinePeer(connect(daemon.home.socket));
  peer.send(formatGreeting({ protocol: socketProtocol, version: "0.1.0", key, hello }).trimEnd());
  return peer;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

describe("another tree", () => {
  test("is not there for a session's tools, whatever id is named", async () => {
    const theirs = await delegateWith(await other.tools(), { agent: "worker", task: "say theirs" });
    const tools = await one.tools();
    const ids = [theirs.delegation_id, "del_0000000000000000", "", "x".repeat(10_000), "../del", "%", "\u0000"];
    for (const id of ids) {
      for (const [name, input] of [
        ["read_delegation", { id }],
        ["cancel_delegation", { id }],
        ["send_to_delegation", { id, message: "x" }],
        ["wait_delegation", { ids: [id], wait_seconds: 0 }],
        ["delegate_session", { session_id: id, task: "say x" }],
      ] as const) {
        const answer = await tools.callTool({ name, arguments: input });
        expect(answer.isError, `${name} ${id}`).toBe(true);
        expect(JSON.stringify(answer)).toMatch(/CRU_DELEGATION_UNKNOWN|CRU_TOOL_ARGUMENTS/);
      }
    }
    // What does not exist and what is another's are told apart by nothing.
    const [known, unknown] = await Promise.all(
      [theirs.delegation_id, "del_0000000000000000"].map((id) =>
        tools.callTool({ name: "read_delegation", arguments: { id } }),
      ),
    );
    expect(JSON.stringify(known).replaceAll(theirs.delegation_id, "ID")).toBe(
      JSON.stringify(unknown).replaceAll("del_0000000000000000", "ID"),
    );
  });

  test("is not there for another editor: neither its sessions at work nor their children", async () => {
    const theirs = await delegateWith(await other.tools(), { agent: "worker", task: "say theirs" });
    for (const sessionId of [other.session, theirs.session_id]) {
      const prompt = [{ type: "text", text: "say mine" }];
      await expect(one.editor.request("session/prompt", { sessionId, prompt })).rejects.toThrow();
      one.editor.notify("session/cancel", { sessionId });
    }
    expect((await other.prompt("say still mine")).text).toBe("still mine");
  });
});

describe("the key of the socket", () => {
  test("is the user's alone to read", () => {
    expect(statSync(socketKeyFile(daemon.home.socket)).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["control", { door: "control" }, "status"],
    ["editor", { door: "editor", agent: "parent", cwd: "/" }, "initialize"],
    ["mcp", { door: "mcp", agent: "parent", cwd: "/" }, "initialize"],
  ] as const)("whoever does not show it has no %s door", async (_name, hello, method) => {
    for (const key of [undefined, "", `cru_${"x".repeat(43)}`]) {
      const peer = knock(hello, key);
      peer.send({ jsonrpc: "2.0", id: 1, method, params: {} });
      expect((await peer.waitFor({ id: 1 }))["error"]).toMatchObject({ data: { code: "CRU_SOCKET_KEY" } });
      peer.stream.destroy();
    }
  });

  test("is another one for each daemon, and gone with it", async () => {
    const first = await startDaemon({ config });
    const { home } = first;
    const key = readSocketKey(home.socket);
    await first.stop();
    expect(readSocketKey(home.socket)).toBeUndefined();
    await using second = await serve(home);
    expect(readSocketKey(second.home.socket)).not.toBe(key);
  });
});

test("the control door tells no token and no conversation", async () => {
  using door = await control(daemon);
  await one.prompt("say something private");
  const shown = JSON.stringify([await door.request("ps", {}), await door.request("status", {})]);
  expect(shown).not.toContain("something private");
  expect(shown).not.toMatch(/cru_[\w-]{43}/);
});
