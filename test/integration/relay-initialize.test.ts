/**
 * The first exchange: Crucible answers for the agent behind it, claims what that agent claims and no more, and does not keep an
 * editor waiting for an agent that is slow (ACP, "Initialization", "Authentication").
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { programVersion } from "../../src/base/version.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { expectSameInOrder, startRelay, type Relay } from "../support/relay.ts";
import {
  isJsonRecord,
  readProtocolSchema,
  type Json,
  type JsonRecord,
  type Shape,
} from "../support/schema-messages.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";

const schema = readProtocolSchema("unstable");
const shapes: readonly Shape[] = ["minimal", "maximal", "strange"];

describe("what is said", () => {
  let relay: Relay;
  shareAmongTests({
    open: async () => void (relay = await startRelay()),
    check: () => relay.disconnect(),
    close: () => relay[Symbol.asyncDispose](),
  });

  test.each(shapes)("%s messages reach the other side, but for who answers and how one signs in", async (shape) => {
    const allParams = schema.records("InitializeRequest", shape);
    const results = schema.records("InitializeResponse", shape);
    for (const [index, result] of results.entries()) {
      const count = relay.stage.actors.length;
      // Every agent is asked by an editor of its own kind, so that none is answered from memory.
      const params = { ...allParams[index % allParams.length]!, protocolVersion: 1 };
      const clientCapabilities = {
        ...((params as JsonRecord)["clientCapabilities"] as object),
        vendor: [shape, index],
      };
      relay.stage.onRequest("initialize", () => result);
      const editor = await relay.connect();
      const answer = await editor.request("initialize", { ...params, clientCapabilities });
      const { acp } = await relay.stage.actor(count);
      const heard = acp.received.find(({ method }) => method === "initialize")?.params;
      const whoAsks = { clientInfo: { name: "crucible", title: "Crucible", version: programVersion() } };
      expectSameInOrder([sorted(heard)], [sorted({ ...whoAsks, ...params, clientCapabilities })], "params");
      expectSameInOrder([sorted(answer)], [sorted(inTheNameOf("mirror", result))], "answers");
    }
  });

  test("an editor of a later protocol is answered with the version that is relayed, and the agent asked for it", async () => {
    const editor = await relay.connect();
    const answer = await editor.request("initialize", { protocolVersion: 2, clientCapabilities: { later: true } });
    const { acp } = await relay.stage.actor();
    expect(answer["protocolVersion"]).toBe(1);
    expect(acp.received[0]?.params).toMatchObject({ protocolVersion: 1, clientCapabilities: { later: true } });
  });

  test("before initialize nothing reaches an agent, and the editor is told what is missing", async () => {
    const editor = await relay.connect();
    for (const method of ["session/new", "_vendor/ask"]) {
      const { error } = await editor.sendRequest(method, {}).answer();
      expect(error).toMatchObject({ code: -32600, message: expect.stringContaining("initialize") as string });
    }
    expect(relay.stage.actors).toEqual([]);
  });

  test("a login in a terminal leads through Crucible, and runs the agent's own", async () => {
    const login = {
      id: "browser login",
      name: "Log in",
      description: "In a terminal",
      type: "terminal",
      args: ["--say", "signed in", "--for", "ever"],
      env: { MIRROR_LOGIN: "yes" },
      _meta: { order: 1 },
    };
    const others = [
      { id: "key", name: "API key" },
      { id: "new", name: "?", type: "_of_the_future", args: ["x"] },
    ];
    relay.stage.onRequest("initialize", () => ({ protocolVersion: 1, authMethods: [login, ...others] }));
    const editor = await relay.connect();
    const { authMethods } = await editor.request<{ authMethods: { args: string[] }[] }>("initialize", {
      protocolVersion: 1,
      clientCapabilities: { auth: { terminal: true } },
    });
    expect(authMethods).toEqual([{ ...login, args: ["--terminal-auth", login.id], env: {} }, ...others]);
    // The editor starts the agent it knows, which is `crucible acp`, with these arguments.
    const { home } = relay.daemon;
    const done = await home.crucible(["acp", "--agent", "mirror", ...home.place, ...authMethods[0]!.args]);
    expect(done.stderr).toBe("");
    expect(JSON.parse(done.stdout)).toEqual({ said: login.args.slice(1), env: "yes" });
    expect(done.code).toBe(0);
  });
});

test("a second initialize on a connection leaves no second agent behind", async () => {
  await using relay = await startRelay();
  const { editor } = await relay.pair();
  await editor.sendRequest("initialize", { protocolVersion: 1, clientCapabilities: { again: true } }).answer();
  await editor.end();
  await until(() => relay.stage.actors.every(({ socket }) => socket.destroyed), {
    what: `${relay.stage.actors.length} agents to end with their editor`,
  });
});

describe("an agent that is known", () => {
  let relay: Relay;
  beforeEach(async () => {
    relay = await startRelay();
    relay.stage.onRequest("initialize", () => ({
      protocolVersion: 1,
      agentCapabilities: { promptCapabilities: { image: true } },
    }));
    await (await relay.pair()).editor.end();
    // From here on the stage's agents never answer initialize.
    relay.stage.onRequest("initialize", () => new Promise(() => {}));
  });
  afterEach(() => relay?.[Symbol.asyncDispose]());

  test("is answered for from memory, and its session opens when it is up", async () => {
    const editor = await relay.connect();
    const answer = await editor.initialize();
    expect(answer["agentCapabilities"]).toEqual(withConversations({ promptCapabilities: { image: true } }));
    const opening = editor.sendRequest("session/new", { cwd: relay.daemon.kiln, mcpServers: [] });
    await letInitialize({ protocolVersion: 1 });
    expect((await opening.answer()).result).toEqual({ sessionId: expect.stringMatching(/^ses_/) as string });
  });

  test("hears what an editor tells before it is up, in order", async () => {
    const editor = await relay.connect();
    await editor.initialize();
    editor.notify("_vendor/tell", { number: 1 });
    const asked = editor.sendRequest("_vendor/ask", { number: 2 });
    editor.notify("_vendor/tell", { number: 3 });
    relay.stage.onRequest("_vendor/ask", () => "heard");
    const { acp } = await letInitialize({ protocolVersion: 1 });
    expect((await asked.answer()).result).toBe("heard");
    await acp.waitFor(({ params }) => params?.["number"] === 3);
    expect(acp.received.slice(-3).map(({ params }) => params)).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
  });

  test("that fails to start after all is told of where it is needed first", async () => {
    const editor = await relay.connect();
    await editor.initialize();
    const opening = editor.sendRequest("session/new", { cwd: relay.daemon.kiln, mcpServers: [] });
    const { socket } = await relay.stage.actor(1);
    socket.end();
    expect((await opening.answer()).error).toMatchObject({
      message: expect.stringContaining("exited with code 7") as string,
      data: { code: "CRU_AGENT_START", hint: expect.any(String) as string },
    });
  });

  async function letInitialize(result: Record<string, unknown>) {
    const actor = await relay.stage.actor(1);
    const { id } = await actor.acp.waitForRequest("initialize");
    actor.acp.sendLine(JSON.stringify({ jsonrpc: "2.0", id, result }));
    return actor;
  }
});

test("an agent that is slow is answered for with what Crucible does for every agent, and its session opens when it is up", async () => {
  // The agent starts in the directory of its editor.
  await using daemon = await startDaemon({ config: scriptedProfile("slow", { flags: ["--slow-initialize", "now"] }) });
  await using editor = daemon.editor("slow");
  const answer = await editor.initialize();
  expect(answer).toMatchObject({
    protocolVersion: 1,
    agentCapabilities: withConversations({}),
    authMethods: [],
    agentInfo: { name: "crucible" },
  });
  const opening = editor.sendRequest("session/new", { cwd: daemon.kiln, mcpServers: [] });
  await writeFile(join(daemon.kiln, "now"), "");
  const { result } = await opening.answer();
  const { sessionId } = result as { sessionId: string };
  expect((await editor.prompt(sessionId, "say here I am")).text).toBe("here I am");
});

describe("an agent that cannot start", () => {
  test.each([
    ["is not there", 'command = "/no/such/agent"', "CRU_AGENT_NOT_FOUND"],
    [
      "ends at once",
      `command = ${JSON.stringify(process.execPath)}\nargs = ["-e", "console.error('no licence'); process.exit(3)"]`,
      "CRU_AGENT_START",
    ],
    ["is no agent", 'command = "/bin/cat"\nstartup_timeout_seconds = 2', "CRU_AGENT_START"],
    [
      "says nothing",
      `command = ${JSON.stringify(process.execPath)}\nargs = ["-e", "setInterval(() => {}, 1e6)"]\nstartup_timeout_seconds = 1`,
      "CRU_AGENT_START",
    ],
  ])("because it %s: initialize is answered with an error that a person can act on", async (_, lines, code) => {
    await using daemon = await startDaemon({ config: `[acp.agents.broken]\n${lines}\n` });
    await using editor = daemon.editor("broken");
    const { error } = await editor.sendRequest("initialize", { protocolVersion: 1, clientCapabilities: {} }).answer();
    expect(error).toMatchObject({
      code: expect.any(Number) as number,
      message: expect.stringContaining("broken") as string,
      data: { code, hint: expect.stringMatching(/\S/) as string },
    });
    expect(error?.message).toContain("hint:");
    if (_ === "ends at once") expect(error?.message).toContain("no licence");
  });

  test("an agent that refuses initialize is told of with its own words", async () => {
    await using relay = await startRelay();
    relay.stage.onRequest("initialize", () => Promise.reject(new Error("this version is too old")));
    const editor = await relay.connect();
    const { error } = await editor.sendRequest("initialize", { protocolVersion: 1 }).answer();
    expect(error?.message).toContain("this version is too old");
    expect(error?.data).toMatchObject({ code: "CRU_AGENT_START" });
    await until(() => relay.stage.actors[0]?.socket.destroyed, { what: "the agent to be ended" });
  });
});

describe("an agent that dies", () => {
  let daemon: TestDaemon;
  shareAmongTests({
    open: async () => void (daemon = await startDaemon({ config: scriptedProfile("mortal") })),
    close: () => daemon[Symbol.asyncDispose](),
  });

  test("fails the prompt that is under way at once", async () => {
    await using editor = daemon.editor("mortal");
    await editor.initialize();
    const sessionId = await editor.newSession(daemon.kiln);
    const { error } = await editor
      .sendRequest("session/prompt", { sessionId, prompt: [{ type: "text", text: "say bye\nexit 4" }] })
      .answer();
    expect(error).toMatchObject({
      message: expect.stringContaining("code 4") as string,
      data: { code: "CRU_AGENT_EXITED" },
    });
    expect(error?.message).toContain("send your message again");
    // The user is told in the conversation, before the answer; how it goes on is tested in agent-lost.test.ts.
    expect(editor.text(sessionId)).toMatch(
      /^bye\n\n— agent mortal exited with code 4; your next message starts it again —/,
    );
  });
});

/** The answer to an editor, of an agent that answered this. */
function inTheNameOf(profile: string, result: JsonRecord): JsonRecord {
  const methods = Array.isArray(result["authMethods"]) ? result["authMethods"] : [];
  return {
    ...result,
    agentCapabilities: withConversations(result["agentCapabilities"]),
    protocolVersion: 1,
    agentInfo: { name: "crucible", title: `Crucible: ${profile}`, version: programVersion() },
    authMethods: methods.map(throughCrucible),
    _meta: {
      ...(isJsonRecord(result["_meta"]) ? result["_meta"] : {}),
      crucible: { agent: profile, agentInfo: result["agentInfo"] ?? null },
    },
  };
}

/** Crucible keeps conversations for every agent. */
function withConversations(capabilities: Json | undefined): JsonRecord {
  const own = { list: {}, resume: {}, close: {}, delete: {} };
  const ofAgent = isJsonRecord(capabilities) ? capabilities : {};
  const ofSessions = isJsonRecord(ofAgent["sessionCapabilities"]) ? ofAgent["sessionCapabilities"] : {};
  const said = Object.fromEntries(Object.entries(ofSessions).filter(([, value]) => value !== null));
  return { ...ofAgent, loadSession: true, sessionCapabilities: { ...ofSessions, ...own, ...said } };
}

function throughCrucible(method: Json): Json {
  if (!isJsonRecord(method) || method["type"] !== "terminal") return method;
  return { ...method, args: ["--terminal-auth", method["id"] ?? null], env: {} };
}

function sorted(value: unknown): unknown {
  return Object.fromEntries(Object.entries(value ?? {}).toSorted(([one], [other]) => one.localeCompare(other)));
}
