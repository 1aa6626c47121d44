/**
 * The envelope of messages (JSON-RPC 2.0) on both sides of Crucible: ids of every form, errors with all they carry, lines that
 * are no messages, and values that are easily damaged on the way.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openDoor } from "../../src/control/door.ts";
import { until } from "../support/conditions.ts";
import { LinePeer } from "../support/line-peer.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";

let relay: Relay;
let editor: LinePeer;
let agent: LinePeer;

shareAmongTests({
  open: async () => void (relay = await startRelay()),
  close: () => relay[Symbol.asyncDispose](),
});

// A connection of its own for every test; what its agent answers to initialize is always the same.
beforeEach(async () => {
  const started = relay.stage.nextStream();
  editor = new LinePeer(
    await openDoor(relay.daemon.home.socket, { door: "editor", agent: "mirror", cwd: relay.daemon.kiln }),
  );
  editor.send({ jsonrpc: "2.0", id: "first", method: "initialize", params: { protocolVersion: 1 } });
  agent = new LinePeer(await started);
  const { id } = await agent.waitFor({ method: "initialize" });
  agent.send({ jsonrpc: "2.0", id, result: { protocolVersion: 1 } });
  await editor.waitFor({ id: "first" });
  await expectAlive();
  editor.received.length = 0;
  agent.received.length = 0;
});

afterEach(async () => {
  editor.stream.destroy();
  await until(() => agent.closed, { what: "the agent of the connection to end" });
});

const sides = [
  ["the editor", () => ({ from: editor, to: agent })],
  ["the agent", () => ({ from: agent, to: editor })],
] as const;

describe.each(sides)("from %s", (_name, ends) => {
  test.each([["text"], [""], ["7"], [0], [-3], [2 ** 53 - 1], [1.5], [null]])(
    "a request with the id %j is answered under it",
    async (id) => {
      const { from, to } = ends();
      from.send({ jsonrpc: "2.0", id, method: "_vendor/echo", params: { mine: id } });
      const heard = await to.waitFor({ method: "_vendor/echo" });
      expect(heard).toEqual({ jsonrpc: "2.0", id: heard["id"], method: "_vendor/echo", params: { mine: id } });
      to.send({ jsonrpc: "2.0", id: heard["id"], result: { yours: id } });
      expect(await from.waitFor({ result: { yours: id } })).toEqual({ jsonrpc: "2.0", id, result: { yours: id } });
    },
  );

  test("requests with ids that differ only in type are two requests", async () => {
    const { from, to } = ends();
    for (const id of [900, "900"]) from.send({ jsonrpc: "2.0", id, method: "_vendor/echo", params: [typeof id] });
    for (const type of ["string", "number"]) {
      const { id } = await to.waitFor({ params: [type] });
      to.send({ jsonrpc: "2.0", id, result: type });
    }
    expect(await from.waitFor({ result: "number" })).toMatchObject({ id: 900 });
    expect(await from.waitFor({ result: "string" })).toMatchObject({ id: "900" });
  });

  test.each([[null], [false], [0], [""], [[]], [{}], ["text"], [[[null]]]])("a result of %j passes", async (result) => {
    const { from, to } = ends();
    from.send({ jsonrpc: "2.0", id: 77, method: "_vendor/ask" });
    const { id } = await to.waitFor({ method: "_vendor/ask" });
    to.send({ jsonrpc: "2.0", id, result });
    expect(await from.waitFor({ id: 77 })).toEqual({ jsonrpc: "2.0", id: 77, result });
  });

  test.each([
    { code: -32000, message: "sign in", data: { authMethods: [{ id: "x" }] } },
    { code: -32601, message: "no such method", data: null },
    { code: 1, message: "", data: false },
    { code: -32099, message: "with fields of its own", data: "d", _meta: { trace: 1 }, vendor: [1] },
  ])("the error $code passes with all it carries", async (error) => {
    const { from, to } = ends();
    from.send({ jsonrpc: "2.0", id: 78, method: "_vendor/ask" });
    const { id } = await to.waitFor({ method: "_vendor/ask" });
    to.send({ jsonrpc: "2.0", id, error });
    expect(await from.waitFor({ id: 78 })).toEqual({ jsonrpc: "2.0", id: 78, error });
  });

  test("text that is easily damaged arrives as it was, whatever the chunks", async () => {
    const { from, to } = ends();
    const params = {
      text: 'NUL \u0000, line separators \u2028\u2029, lone surrogate \ud800, emoji \u{1F469}\u200D\u{1F52C}, "\\/\b\f\r\n\t\u007f',
      ["\u{1F600}"]: -0.0000001,
      [""]: 1e308,
    };
    const bytes = Buffer.from(`${JSON.stringify({ jsonrpc: "2.0", method: "_vendor/tell", params })}\n`);
    for (const byte of bytes) from.stream.write(Buffer.from([byte]));
    expect((await to.waitFor({ method: "_vendor/tell" }))["params"]).toEqual(params);
  });

  test("a field called __proto__ is a field like any other", async () => {
    const { from, to } = ends();
    from.send(
      '{"jsonrpc":"2.0","method":"_vendor/tell","params":{"__proto__":{"a":1},"sessionId":"s","b":{"__proto__":2}}}',
    );
    const heard = await to.waitFor({ method: "_vendor/tell" });
    expect(JSON.stringify(heard["params"])).toBe('{"__proto__":{"a":1},"sessionId":"s","b":{"__proto__":2}}');
  });
});

test.each([
  ["no JSON", "hello, is this an agent?"],
  ["half a message", '{"jsonrpc":"2.0","id":5,'],
  ["a batch", '[{"jsonrpc":"2.0","id":5,"method":"_vendor/ask"}]'],
  ["a number", "17"],
])("a line of the editor that is %s is answered with -32700, and the connection lives", async (_, line) => {
  editor.send(line);
  const answer = await editor.waitFor({ id: null });
  expect(answer).toEqual({
    jsonrpc: "2.0",
    id: null,
    error: { code: -32700, message: expect.stringContaining("JSON-RPC") as string },
  });
  await expectAlive();
});

test("a line of the editor that is JSON and no request is answered with -32600, and the connection lives", async () => {
  editor.send({ jsonrpc: "2.0", id: 5, method: 17 });
  const refusal = await until(() => editor.received.find(({ error }) => error !== undefined), { what: "an error" });
  expect(refusal["error"]).toMatchObject({ code: -32600 });
  await expectAlive();
});

test("an answer of the editor that nobody waits for is not answered", async () => {
  editor.send({ jsonrpc: "2.0", id: 4711, result: {} });
  editor.send({ jsonrpc: "2.0", id: "never", error: { code: 1, message: "?" } });
  await expectAlive();
  expect(editor.received.filter(({ error }) => error !== undefined)).toEqual([]);
});

test("empty lines, carriage returns and a banner of the agent reach nobody and end nothing", async () => {
  agent.send("");
  agent.send("Welcome to the agent! \u001b[32mReady\u001b[0m");
  agent.send('["a", "list"]');
  agent.send('{"jsonrpc":"2.0","id":999999,"result":{}}');
  agent.stream.write('{"jsonrpc":"2.0","method":"_vendor/tell","params":{"ends":"in CRLF"}}\r\n');
  editor.stream.write("\r\n");
  expect(await editor.waitFor({ method: "_vendor/tell" })).toMatchObject({ params: { ends: "in CRLF" } });
  expect(editor.received).toHaveLength(1);
});

/** A request goes to the agent and its answer comes back. */
async function expectAlive(): Promise<void> {
  editor.send({ jsonrpc: "2.0", id: "alive?", method: "_vendor/alive" });
  const { id } = await agent.waitFor({ method: "_vendor/alive" });
  agent.send({ jsonrpc: "2.0", id, result: "yes" });
  await editor.waitFor({ id: "alive?", result: "yes" });
}
