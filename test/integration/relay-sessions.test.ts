/** Sessions of an editor: their ids on each side, the order of what is said in them, and that none hears of another. */
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { AcpClient } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";
import type { Actor } from "../support/mirror-stage.ts";
import {
  expectRequestsRelayed,
  expectSameInOrder,
  startRelay,
  type Relay,
  type RelayOptions,
} from "../support/relay.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";

let relay: Relay;
let editor: AcpClient;
let agent: Actor;

describe("order", () => {
  relayForAll();

  test("several sessions on one connection are interleaved without cross-talk", async () => {
    const pairs = await inTurn(4, () => relay.openSession(editor));
    const said = Array.from({ length: 400 }, (_, number) => ({ pair: pairs[(number * 7) % 4]!, number }));
    for (const { pair, number } of said)
      agent.acp.notify("session/update", { sessionId: pair.agentId, update: chunk(number) });
    await until(() => editor.updates().length === said.length, { what: "all updates" });
    for (const { editorId } of pairs) {
      const own = said.filter(({ pair }) => pair.editorId === editorId);
      expectSameInOrder(
        editor.updates(editorId),
        own.map(({ number }) => chunk(number)),
        `updates of ${editorId}`,
      );
    }
    const prompts = pairs.map(({ editorId }, number) => ({ sessionId: editorId, prompt: [text(`to ${number}`)] }));
    agent.acp.onRequest("session/prompt", ({ sessionId }) => ({
      stopReason: "end_turn",
      _meta: { heardBy: sessionId },
    }));
    const answers = await Promise.all(prompts.map((params) => editor.request("session/prompt", params)));
    expect(answers.map((answer) => answer["_meta"])).toEqual(pairs.map(({ agentId }) => ({ heardBy: agentId })));
  });

  test("two editors of one profile have agents of their own, and hear only those", async () => {
    const other = await relay.pair();
    const mine = await relay.openSession(editor);
    const theirs = await relay.openSession(other.editor);
    agent.acp.notify("session/update", { sessionId: mine.agentId, update: chunk(1) });
    other.agent.acp.notify("session/update", { sessionId: theirs.agentId, update: chunk(2) });
    await until(() => editor.updates().length > 0 && other.editor.updates().length > 0, { what: "both updates" });
    expect(editor.updates()).toEqual([chunk(1)]);
    expect(other.editor.updates()).toEqual([chunk(2)]);
  });

  test("1,000 interleaved updates and requests of the agent arrive in the order in which they were sent", async () => {
    const { agentId, editorId } = await relay.openSession(editor);
    editor.onRequest("_vendor/ask", (params) => ({ heard: params["number"] }));
    const answers = Array.from({ length: 1000 }, async (_, number) => {
      if (number % 3 !== 0) return agent.acp.notify("session/update", { sessionId: agentId, update: chunk(number) });
      return agent.acp.request("_vendor/ask", { sessionId: agentId, number });
    });
    const given = await Promise.all(answers);
    const heard = () => editor.received.filter(({ method }) => method !== undefined);
    await until(() => heard().length >= 1000, { what: "all messages" });
    expectSameInOrder(
      heard().map(({ method, params }) => ({ method, params })),
      Array.from({ length: 1000 }, (_, number) =>
        number % 3 === 0
          ? { method: "_vendor/ask", params: { sessionId: editorId, number } }
          : { method: "session/update", params: { sessionId: editorId, update: chunk(number) } },
      ),
      "messages",
    );
    expect(given.filter((one) => one !== undefined)).toEqual(
      Array.from({ length: 334 }, (_, index) => ({ heard: index * 3 })),
    );
  });

  test("1,000 interleaved notifications and requests of the editor arrive in the order in which they were sent", async () => {
    const { agentId, editorId } = await relay.openSession(editor);
    const before = agent.acp.received.length;
    agent.acp.onRequest("_vendor/ask", (params) => ({ heard: params["number"] }));
    const answers = Array.from({ length: 1000 }, async (_, number) => {
      if (number % 3 !== 0) return editor.notify("_vendor/tell", { sessionId: editorId, number });
      return editor.request("_vendor/ask", { sessionId: editorId, number });
    });
    await Promise.all(answers);
    expectSameInOrder(
      agent.acp.received.slice(before).map(({ params }) => params),
      Array.from({ length: 1000 }, (_, number) => ({ sessionId: agentId, number })),
      "messages",
    );
  });

  test("requests and notifications of the editor outside of sessions keep their order, and with those inside", async () => {
    const { editorId } = await relay.openSession(editor);
    const before = agent.acp.received.length;
    agent.acp.onRequest("_vendor/ask", () => null);
    const answers = Array.from({ length: 1000 }, async (_, number) => {
      const params = number % 5 < 2 ? { number } : { number, sessionId: editorId };
      if (number % 3 !== 0) return editor.notify("_vendor/tell", params);
      return editor.request("_vendor/ask", params);
    });
    await Promise.all(answers);
    const numbers = agent.acp.received.slice(before).map(({ params }) => params?.["number"]);
    expect(numbers.findIndex((number, index) => number !== index)).toBe(-1);
  });

  test.each(["session/prompt", "session/set_mode", "session/set_config_option", "session/status"])(
    "%s arrives before what the editor says after it",
    async (method) => {
      const { editorId } = await relay.openSession(editor);
      const before = agent.acp.received.length;
      const params = { sessionId: editorId };
      editor.sendLine(
        lines([
          { jsonrpc: "2.0", method: "_vendor/tell", params },
          { jsonrpc: "2.0", id: "it", method, params },
          { jsonrpc: "2.0", method: "_vendor/tell", params },
          { jsonrpc: "2.0", id: "other", method: "_vendor/ask", params },
        ]),
      );
      await until(() => agent.acp.received.length === before + 4, { what: "all four" });
      const heard = agent.acp.received.slice(before).map((message) => message.method);
      expect(heard).toEqual(["_vendor/tell", method, "_vendor/tell", "_vendor/ask"]);
    },
  );

  test.each([
    "session/request_permission",
    "fs/read_text_file",
    "terminal/create",
    "elicitation/create",
    "_vendor/ask",
  ])("%s arrives before what the agent says after it", async (method) => {
    const { agentId } = await relay.openSession(editor);
    const before = editor.received.length;
    const params = { sessionId: agentId, path: join(relay.daemon.kiln, "a"), command: "ls" };
    agent.acp.sendLine(
      lines([
        { jsonrpc: "2.0", method: "session/update", params: { ...params, update: chunk(1) } },
        { jsonrpc: "2.0", id: "it", method, params },
        { jsonrpc: "2.0", method: "session/update", params: { ...params, update: chunk(2) } },
        { jsonrpc: "2.0", method: "_vendor/tell", params: {} },
      ]),
    );
    await until(() => editor.received.length === before + 4, { what: "all four" });
    const heard = editor.received.slice(before).map((message) => message.method);
    expect(heard).toEqual(["session/update", method, "session/update", "_vendor/tell"]);
  });

  test("updates around the answer to a prompt stay around it", async () => {
    const { agentId, editorId } = await relay.openSession(editor);
    const prompt = editor.sendRequest("session/prompt", { sessionId: editorId, prompt: [text("go")] });
    const { id } = await agent.acp.waitForRequest("session/prompt");
    agent.acp.sendLine(
      lines([
        { jsonrpc: "2.0", method: "session/update", params: { sessionId: agentId, update: chunk(1) } },
        { jsonrpc: "2.0", id, result: { stopReason: "end_turn" } },
        { jsonrpc: "2.0", method: "session/update", params: { sessionId: agentId, update: chunk(2) } },
        { jsonrpc: "2.0", id: "late", method: "_vendor/ask", params: { sessionId: agentId } },
        { jsonrpc: "2.0", method: "session/update", params: { sessionId: agentId, update: chunk(3) } },
      ]),
    );
    await until(() => editor.updates().length === 3, { what: "three updates" });
    expect((await prompt.answer()).result).toEqual({ stopReason: "end_turn" });
    const seen = editor.received.slice(-5).map((message) => message.method ?? "answer");
    expect(seen).toEqual(["session/update", "answer", "session/update", "_vendor/ask", "session/update"]);
  });

  test("updates before the answer to session/new arrive after it, in order", async () => {
    relay.stage.onRequest("session/new", () => {
      for (const number of [1, 2, 3]) agent.acp.notify("session/update", { sessionId: "early", update: chunk(number) });
      setImmediate(() => agent.acp.notify("session/update", { sessionId: "early", update: chunk(4) }));
      return { sessionId: "early" };
    });
    const sessionId = await editor.newSession(relay.daemon.kiln);
    await until(() => editor.updates(sessionId).length === 4, { what: "four updates" });
    const [answer, ...updates] = editor.received.slice(-5);
    expect(answer?.result).toEqual({ sessionId });
    expect(updates.map(({ params }) => params)).toEqual(
      [1, 2, 3, 4].map((number) => ({ sessionId, update: chunk(number) })),
    );
  });

  test("two sessions that open at once keep their early updates apart", async () => {
    const cwd = relay.daemon.kiln;
    relay.stage.onRequest("session/new", async ({ _meta }) => {
      const sessionId = (_meta as { name: string }).name;
      agent.acp.notify("session/update", { sessionId, update: chunk(sessionId.length) });
      // Each is answered when the other has spoken.
      await until(() => agent.acp.sent.filter(({ method }) => method === "session/update").length === 2);
      return { sessionId };
    });
    const ids = await Promise.all(["first", "second"].map((name) => editor.newSession(cwd, { _meta: { name } })));
    await until(() => editor.updates().length === 2, { what: "both updates" });
    expect(ids.map((id) => editor.updates(id))).toEqual([[chunk(5)], [chunk(6)]]);
  });

  test("an agent that asks while it opens a session is answered, and the session opens", async () => {
    editor.onRequest("mcp/message", () => ({ result: { tools: [] } }));
    relay.stage.onRequest("session/new", async () => {
      const tools = await agent.acp.request("mcp/message", { serverId: "s", requestId: 1, method: "tools/list" });
      return { sessionId: "asked-first", _meta: { tools } };
    });
    const answer = await editor.request("session/new", { cwd: relay.daemon.kiln, mcpServers: [] });
    expect(answer["_meta"]).toEqual({ tools: { result: { tools: [] } } });
  });
});

describe("a profile with settings", () => {
  relayForAll({ profile: { settings: 'mode = "plan"' } });

  test("what an agent asks right after it opened a session comes after the editor knows the session", async () => {
    const modes = {
      currentModeId: "code",
      availableModes: [
        { id: "code", name: "Code" },
        { id: "plan", name: "Plan" },
      ],
    };
    relay.stage.onRequest("session/new", () => {
      setImmediate(() => {
        agent.acp.notify("session/update", { sessionId: "eager", update: chunk(1) });
        void agent.acp.sendRequest("fs/read_text_file", { sessionId: "eager", path: join(relay.daemon.kiln, "a") });
      });
      return { sessionId: "eager", modes };
    });
    relay.stage.onRequest("session/set_mode", async () => {
      // Its request is on the way to the editor by now, if it is not held back.
      await agent.acp.request("_vendor/ping", {}).catch(() => {});
      return {};
    });
    editor.onRequest("fs/read_text_file", () => ({ content: "x" }));
    const sessionId = await editor.newSession(relay.daemon.kiln);
    await editor.waitForRequest("fs/read_text_file");
    const order = editor.received.filter(
      ({ params, result }) => (params ?? (result as typeof params))?.["sessionId"] === sessionId,
    );
    expect(order.map(({ method }) => method ?? "answer")).toEqual(["answer", "session/update", "fs/read_text_file"]);
  });
});

describe("ids", () => {
  relayForAll();

  test("a listed conversation keeps its id, for this editor and the next", async () => {
    const open = await relay.openSession(editor);
    const sessions = [
      { sessionId: open.agentId, cwd: relay.daemon.kiln, title: "open here" },
      {
        sessionId: "from-last-year",
        cwd: "/elsewhere",
        title: null,
        updatedAt: "2025-01-01T00:00:00Z",
        vendor: { x: 1 },
      },
    ];
    // An agent that lists in pages is asked for all of them.
    relay.stage.onRequest("session/list", ({ cursor }) =>
      cursor === "more" ? { sessions: sessions.slice(1) } : { sessions: sessions.slice(0, 1), nextCursor: "more" },
    );
    const first = await list(editor);
    const other = await relay.pair();
    const second = await list(other.editor);
    // What other editors had is listed, too.
    const [here, elsewhere] = sessions.map(({ title }) => first.sessions.find((one) => one.title === title));
    expect(here?.sessionId).toBe(open.editorId);
    expect(elsewhere).toEqual({ ...sessions[1], sessionId: expect.stringMatching(/^ses_/) as string });
    expect(first.nextCursor).toBeUndefined();
    expect(second).toEqual(first);
  });

  test.each(["session/load", "session/resume"])(
    "%s reaches a listed conversation under the agent's id",
    async (method) => {
      const { sessionId, agentId } = await listedOnce();
      relay.stage.onRequest(method, ({ sessionId: id }) => {
        for (const number of [1, 2]) agent.acp.notify("session/update", { sessionId: id, update: chunk(number) });
        return { modes: null };
      });
      expect(await editor.request(method, { sessionId, cwd: relay.daemon.kiln, mcpServers: [] })).toEqual({
        modes: null,
      });
      expect(editor.received.slice(-3).map((message) => message.params?.["sessionId"] ?? "answer")).toEqual([
        sessionId,
        sessionId,
        "answer",
      ]);
      await expectRequestsRelayed({ from: editor, to: agent.acp, method: "session/prompt" }, [
        {
          params: { sessionId, prompt: [] },
          expectedParams: { sessionId: agentId, prompt: [] },
          outcome: { result: { stopReason: "end_turn" } },
        },
      ]);
    },
  );

  test.each(["session/load", "session/resume"])("%s takes an id that Crucible never gave", async (method) => {
    await expectRequestsRelayed({ from: editor, to: agent.acp, method }, [
      { params: { sessionId: "of-the-agent", cwd: relay.daemon.kiln, mcpServers: [] }, outcome: { result: {} } },
    ]);
    agent.acp.notify("session/update", { sessionId: "of-the-agent", update: chunk(1) });
    await until(() => editor.updates("of-the-agent").length === 1, { what: "an update under the same id" });
  });

  const strangeIds = [
    'C:\\chats\\"1"',
    "caf\u00e9/\u{1F600}\n",
    "update",
    "sessionId",
    "session/update",
    "text",
    "2.0",
    " ",
    "__proto__",
  ];

  test.each(strangeIds)("the id %j of a conversation that Crucible never gave is no different", async (id) => {
    relay.stage.onRequest("session/load", () => ({}));
    await editor.request("session/load", { sessionId: id, cwd: relay.daemon.kiln, mcpServers: [] });
    agent.acp.notify("session/update", { sessionId: id, update: chunk(1) });
    agent.acp.notify("session/update", { sessionId: id, update: { ...chunk(2), about: id, [id]: `"${id}"` } });
    await until(() => editor.updates().length === 2, { what: "both updates" });
    expect(editor.updates(id)).toEqual([chunk(1), { ...chunk(2), about: id, [id]: `"${id}"` }]);
  });

  test.each(strangeIds)(
    "an agent that calls its session %j is relayed like any other, however it writes the id",
    async (id) => {
      relay.stage.onRequest("session/new", () => ({ sessionId: id }));
      const editorId = await editor.newSession(relay.daemon.kiln);
      const updates = [chunk(1), { ...chunk(2), about: id, [id]: `"${id}"` }, { sessionUpdate: id, content: [id] }];
      for (const update of updates) {
        const line = JSON.stringify({ jsonrpc: "2.0", method: "session/update", params: { sessionId: id, update } });
        agent.acp.sendLine(line);
        // The same as other programs write JSON: slashes and everything beyond ASCII escaped, with spaces.
        agent.acp.sendLine(
          line
            .replaceAll("/", "\\/")
            .replaceAll(/[^ -~]/g, escaped)
            .replaceAll(":{", " : { "),
        );
        // Escaped in one place only: the id is the one in params, whatever the text says.
        agent.acp.sendLine(line.replace(`"sessionId":${JSON.stringify(id)}`, () => `"sessionId":"${escaped(id)}"`));
      }
      await until(() => editor.updates().length === updates.length * 3, { what: "all updates" });
      expect(editor.updates(editorId)).toEqual(updates.flatMap((update) => [update, update, update]));
    },
  );

  test("a conversation that cannot be loaded gives the agent's own error, and can be loaded later", async () => {
    const { sessionId, agentId } = await listedOnce();
    const params = { sessionId, cwd: relay.daemon.kiln, mcpServers: [] };
    const expectedParams = { ...params, sessionId: agentId };
    await expectRequestsRelayed({ from: editor, to: agent.acp, method: "session/load" }, [
      { params, expectedParams, outcome: { error: { code: -32002, message: "busy", data: { again: true } } } },
      { params, expectedParams, outcome: { result: { modes: null } } },
    ]);
  });

  test("a second session/load of an open session is the same session", async () => {
    const { editorId, agentId } = await relay.openSession(editor);
    const params = { sessionId: editorId, cwd: relay.daemon.kiln, mcpServers: [] };
    await expectRequestsRelayed({ from: editor, to: agent.acp, method: "session/load" }, [
      { params, expectedParams: { ...params, sessionId: agentId }, outcome: { result: {} } },
    ]);
    agent.acp.notify("session/update", { sessionId: agentId, update: chunk(1) });
    await until(() => editor.updates(editorId).length > 0, { what: "an update" });
    expect(editor.updates()).toEqual([chunk(1)]);
  });

  test.each([
    "session/delete",
    "session/close",
    "session/archive",
    "session/unarchive",
    "session/status",
    "session/set_title",
  ])("%s of a conversation that is listed and not open reaches it under the agent's id", async (method) => {
    const { sessionId, agentId } = await listedOnce();
    await expectRequestsRelayed({ from: editor, to: agent.acp, method }, [
      { params: { sessionId }, expectedParams: { sessionId: agentId }, outcome: { result: { _meta: { x: 1 } } } },
    ]);
  });

  test("session/fork of a conversation that is listed and not open reaches it under the agent's id", async () => {
    const { sessionId, agentId } = await listedOnce();
    relay.stage.onRequest("session/fork", () => ({ sessionId: "the-copy" }));
    const answer = await editor.request("session/fork", { sessionId, cwd: relay.daemon.kiln });
    const heard = agent.acp.received.find(({ method }) => method === "session/fork");
    expect(heard?.params?.["sessionId"]).toBe(agentId);
    expect(answer["sessionId"]).not.toBe("the-copy");
  });

  test("a fork and its source are two sessions", async () => {
    const source = await relay.openSession(editor);
    relay.stage.onRequest("session/fork", () => ({ sessionId: "the-copy" }));
    const { sessionId } = await editor.request<{ sessionId: string }>("session/fork", {
      sessionId: source.editorId,
      cwd: relay.daemon.kiln,
    });
    agent.acp.notify("session/update", { sessionId: "the-copy", update: chunk(1) });
    agent.acp.notify("session/update", { sessionId: source.agentId, update: chunk(2) });
    await until(() => editor.updates().length === 2, { what: "both updates" });
    expect(editor.updates(sessionId)).toEqual([chunk(1)]);
    expect(editor.updates(source.editorId)).toEqual([chunk(2)]);
  });

  test("a closed session is gone: its id is not mapped any more, and others go on", async () => {
    const closed = await relay.openSession(editor);
    const open = await relay.openSession(editor);
    relay.stage.onRequest("session/close", () => ({}));
    await editor.request("session/close", { sessionId: closed.editorId });
    agent.acp.notify("session/update", { sessionId: open.agentId, update: chunk(1) });
    await until(() => editor.updates(open.editorId).length === 1, { what: "the other session's update" });
    relay.stage.onRequest("session/prompt", () => ({ stopReason: "end_turn" }));
    expect((await editor.prompt(open.editorId, "go on")).stopReason).toBe("end_turn");
    for (const sessionId of [closed.editorId, closed.agentId]) {
      const prompt = [{ type: "text", text: "past the rules" }];
      await expect(editor.request("session/prompt", { sessionId, prompt })).rejects.toMatchObject({ code: -32_002 });
    }
    expect(JSON.stringify(agent.acp.received)).not.toContain("past the rules");
  });

  test.each([
    ["nothing", undefined],
    ["a number", 5],
    ["a relative path", "project"],
    ["an empty one", ""],
  ])("a session that is to work in %s is not opened", async (_, cwd) => {
    const open = (method: string, params: object) => editor.request(method, { ...params, cwd, mcpServers: [] });
    const { editorId: sessionId } = await relay.openSession(editor);
    const before = agent.acp.received.length;
    for (const [method, params] of [["session/new", {}] as const, ["session/load", { sessionId }] as const]) {
      await expect(open(method, params)).rejects.toMatchObject({
        code: -32_602,
        message: expect.stringMatching(/cwd: expected an absolute path/),
      });
    }
    expect(agent.acp.received).toHaveLength(before);
  });

  test("updates of an agent's own subagents pass under the ids that the agent gave them", async () => {
    const { editorId, agentId } = await relay.openSession(editor);
    const subagent = {
      sessionUpdate: "subagent_update",
      sessionId: "sub-1",
      title: "Looks",
      capabilities: { cancel: {} },
    };
    agent.acp.notify("session/update", { sessionId: agentId, update: subagent });
    agent.acp.notify("session/update", { sessionId: "sub-1", update: chunk(1) });
    const permission = { sessionId: "sub-1", toolCall: { toolCallId: "t" }, options: [] };
    editor.onRequest("session/request_permission", () => ({ outcome: { outcome: "cancelled" } }));
    const answer = await agent.acp.request("session/request_permission", permission);
    agent.acp.notify("session/update", { sessionId: agentId, update: { ...subagent, state: { state: "ended" } } });
    await until(() => editor.updates().length === 3, { what: "all updates" });
    expect(answer).toEqual({ outcome: { outcome: "cancelled" } });
    expect(editor.received.filter(({ method }) => method !== undefined).map(({ params }) => params)).toEqual([
      { sessionId: editorId, update: subagent },
      { sessionId: "sub-1", update: chunk(1) },
      permission,
      { sessionId: editorId, update: { ...subagent, state: { state: "ended" } } },
    ]);
    editor.notify("session/cancel", { sessionId: "sub-1" });
    const cancel = await agent.acp.waitFor(({ method }) => method === "session/cancel");
    expect(cancel.params).toEqual({ sessionId: "sub-1" });
  });

  test("a message between an agent's session and its subagent names the session by the id the editor knows", async () => {
    const { editorId, agentId } = await relay.openSession(editor);
    const message = { sessionUpdate: "session_message", messageId: "m", content: [text("look there")] };
    agent.acp.notify("session/update", {
      sessionId: agentId,
      update: { ...message, senderSessionId: agentId, recipientSessionId: "sub-1" },
    });
    agent.acp.notify("session/update", {
      sessionId: "sub-1",
      update: { ...message, senderSessionId: "sub-1", recipientSessionId: agentId },
    });
    await until(() => editor.updates().length === 2, { what: "both messages" });
    expect(editor.updates()).toEqual([
      { ...message, senderSessionId: editorId, recipientSessionId: "sub-1" },
      { ...message, senderSessionId: "sub-1", recipientSessionId: editorId },
    ]);
  });
});

describe("the tools of Crucible", () => {
  describe("with a profile that may not delegate", () => {
    relayForAll();
    const own = { name: "crucible", command: "/bin/mine", args: [], env: [] };

    test("are not offered, and leave a server of that name alone", async () => {
      await relay.openSession(editor, { mcpServers: [own] });
      expect(mcpServersHeard()).toEqual([own]);
    });
  });

  describe("with a profile that may delegate", () => {
    relayForAll({ profile: { delegation: "enabled = true" } });

    test("are offered, behind the editor's own servers", async () => {
      const others = [{ type: "http", name: "docs", url: "http://127.0.0.1:1/", headers: [], vendor: true }];
      await relay.openSession(editor, { mcpServers: others });
      expect(mcpServersHeard()).toEqual([...others, expect.objectContaining({ name: "crucible" })]);
    });
  });
});

/** One daemon for the tests around, and for each of them an editor and an agent of its own. */
function relayForAll(options?: RelayOptions): void {
  shareAmongTests({
    open: async () => void (relay = await startRelay(options)),
    check: () => relay.disconnect(),
    close: () => relay[Symbol.asyncDispose](),
  });
  beforeEach(async () => {
    ({ editor, agent } = await relay.pair());
  });
}

/** A conversation that the agent has and that is not open, with the id under which it is listed. */
async function listedOnce(): Promise<{ agentId: string; sessionId: string }> {
  const agentId = relay.stage.newSessionId();
  const title = `of ${agentId}`;
  relay.stage.onRequest("session/list", () => ({ sessions: [{ sessionId: agentId, cwd: relay.daemon.kiln, title }] }));
  const { sessions } = await list(editor);
  return { agentId, sessionId: sessions.find((one) => one.title === title)!.sessionId };
}

function mcpServersHeard(): unknown {
  return agent.acp.received.find(({ method }) => method === "session/new")?.params?.["mcpServers"];
}

interface SessionList {
  sessions: { sessionId: string; title?: string | null }[];
  nextCursor?: string;
}

function list(from: AcpClient): Promise<SessionList> {
  return from.request<SessionList>("session/list", {});
}

function text(words: string): { type: string; text: string } {
  return { type: "text", text: words };
}

function chunk(number: number): { sessionUpdate: string; content: { type: string; text: string } } {
  return { sessionUpdate: "agent_message_chunk", content: text(`${number} `) };
}

/** Every UTF-16 unit of a text as JSON can also write it. */
function escaped(words: string): string {
  const units = words.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
  return units.map((unit) => `\\u${unit}`).join("");
}

/** Messages that are written at once, as an agent does that says a lot. */
function lines(messages: readonly object[]): string {
  return messages.map((message) => JSON.stringify(message)).join("\n");
}

async function inTurn<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let index = 0; index < count; index++) made.push(await make());
  return made;
}
