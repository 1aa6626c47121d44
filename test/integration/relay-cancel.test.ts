/**
 * Requests under way: they are cancelled on the other side under the id that the other side gave them, whoever asked
 * (ACP, "Cancellation"), and ids of any form come back as they were.
 */
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AcpClient, Message } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";
import type { Actor } from "../support/mirror-stage.ts";
import { startRelay, type Relay, type SessionPair } from "../support/relay.ts";
import { readProtocolSchema } from "../support/schema-messages.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";

const cancelRequest = "$/cancel_request";
const neverAnswered = (): Promise<never> => new Promise(() => {});

let relay: Relay;
let editor: AcpClient;
let agent: Actor;
let session: SessionPair;

shareAmongTests({
  open: async () => void (relay = await startRelay()),
  close: () => relay[Symbol.asyncDispose](),
});

beforeEach(async () => {
  ({ editor, agent } = await relay.pair());
  session = await relay.openSession(editor);
});

afterEach(() => relay.disconnect());

test.each(["_vendor/slow", "authenticate", "session/prompt", "session/set_mode"])(
  "an editor that cancels %s cancels that request at the agent, and gets the agent's answer",
  async (method) => {
    // Requests before it, so that the ids of the two sides differ.
    for (let count = 0; count < 5; count++) void editor.sendRequest("_vendor/other", {});
    const request = editor.sendRequest(method, { sessionId: session.editorId, prompt: [] });
    const { id } = await agent.acp.waitForRequest(method);
    editor.notify(cancelRequest, { requestId: request.id });
    const cancel = await agent.acp.waitFor((message) => message.method === cancelRequest);
    expect(cancel.params).toMatchObject({ requestId: id });
    expect(id).not.toBe(request.id);
    const error = { code: -32800, message: "as you wish", data: { half: "done" } };
    agent.acp.sendLine(JSON.stringify({ jsonrpc: "2.0", id, error }));
    expect((await request.answer()).error).toEqual(error);
  },
);

test.each([
  "_vendor/slow",
  "fs/read_text_file",
  "terminal/wait_for_exit",
  "elicitation/create",
  "session/request_permission",
])("an agent that cancels %s cancels that request at the editor", async (method) => {
  editor.onRequest("*", neverAnswered);
  for (let count = 0; count < 5; count++) void agent.acp.sendRequest("_vendor/other", {});
  const path = join(relay.daemon.kiln, "a");
  const params = { sessionId: session.agentId, path, options: [], toolCall: {} };
  const request = agent.acp.sendRequest(method, params);
  const { id } = await editor.waitForRequest(method);
  agent.acp.notify(cancelRequest, { requestId: request.id });
  const cancel = await editor.waitFor((message) => message.method === cancelRequest);
  expect(cancel.params).toMatchObject({ requestId: id });
  editor.sendLine(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32800, message: "as you wish" } }));
  const answer = await request.answer();
  // A question to a human that is taken back has an answer of its own in the protocol.
  if (method === "session/request_permission") expect(answer.result).toEqual({ outcome: { outcome: "cancelled" } });
  else expect(answer.error).toEqual({ code: -32800, message: "as you wish" });
});

test("what else a cancellation carries passes with it", async () => {
  const schema = readProtocolSchema("unstable");
  for (const params of schema.records("CancelRequestNotification", "strange")) {
    const request = editor.sendRequest("_vendor/slow", {});
    const { id } = await until(() =>
      agent.acp.received.find((one) => one.id !== undefined && one.method === "_vendor/slow"),
    );
    editor.notify(cancelRequest, { ...params, requestId: request.id });
    const cancel = await agent.acp.waitFor((message) => message.method === cancelRequest);
    expect(cancel.params).toEqual({ ...params, requestId: id });
    agent.acp.received.length = 0;
  }
});

test("a cancellation of nothing, and other notifications of the protocol level, end nothing", async () => {
  editor.notify(cancelRequest, { requestId: "never sent" });
  editor.notify(cancelRequest, {});
  editor.notify(cancelRequest);
  editor.notify("$/progress", { token: 1 });
  const progress = await agent.acp.waitFor(({ method }) => method === "$/progress");
  expect(progress.params).toEqual({ token: 1 });
  expect(agent.acp.received.filter(({ method }) => method === cancelRequest)).toEqual([]);
});

test("session/cancel reaches the agent while a prompt runs, and the agent's own answer comes back", async () => {
  const prompt = editor.sendRequest("session/prompt", { sessionId: session.editorId, prompt: [] });
  const { id } = await agent.acp.waitForRequest("session/prompt");
  editor.notify("session/cancel", { sessionId: session.editorId, _meta: { why: "impatience" } });
  const cancel = await agent.acp.waitFor(({ method }) => method === "session/cancel");
  expect(cancel.params).toEqual({ sessionId: session.agentId, _meta: { why: "impatience" } });
  agent.acp.sendLine(
    JSON.stringify({ jsonrpc: "2.0", id, result: { stopReason: "cancelled", usage: { totalTokens: 3 } } }),
  );
  expect((await prompt.answer()).result).toEqual({ stopReason: "cancelled", usage: { totalTokens: 3 } });
});

test("two prompts at once run one after the other, in order", async () => {
  const answers: Message["id"][] = [];
  const running = (): Message[] => agent.acp.received.filter(({ method }) => method === "session/prompt");
  const prompts = [1, 2, 3].map((number) =>
    editor.sendRequest("session/prompt", { sessionId: session.editorId, prompt: [], _meta: { number } }),
  );
  for (const number of [1, 2, 3]) {
    await until(() => running().length === number, { what: `prompt ${number}` });
    // A message that came later has passed by now; a prompt has not.
    editor.notify("_vendor/tell", { number });
    await agent.acp.waitFor(({ method, params }) => method === "_vendor/tell" && params?.["number"] === number);
    expect(running().map(({ params }) => params?.["_meta"])).toHaveLength(number);
    answers.push(running().at(-1)!.id);
    agent.acp.sendLine(
      JSON.stringify({ jsonrpc: "2.0", id: answers.at(-1), result: { stopReason: "end_turn", number } }),
    );
  }
  const results = await Promise.all(prompts.map((prompt) => prompt.answer()));
  expect(results.map(({ result }) => result)).toEqual([1, 2, 3].map((number) => ({ stopReason: "end_turn", number })));
});

test("session/cancel also cancels the prompts that wait behind the one that runs", async () => {
  const params = { sessionId: session.editorId, prompt: [] };
  const prompts = [1, 2].map(() => editor.sendRequest("session/prompt", params));
  const { id } = await agent.acp.waitForRequest("session/prompt");
  editor.notify("session/cancel", { sessionId: session.editorId });
  await agent.acp.waitFor(({ method }) => method === "session/cancel");
  agent.acp.sendLine(JSON.stringify({ jsonrpc: "2.0", id, result: { stopReason: "cancelled" } }));
  const results = await Promise.all(prompts.map((prompt) => prompt.answer()));
  expect(results.map(({ result }) => result)).toEqual([{ stopReason: "cancelled" }, { stopReason: "cancelled" }]);
  expect(agent.acp.received.filter(({ method }) => method === "session/prompt")).toHaveLength(1);
});

test("a prompt that waits and is cancelled on its own is answered at once and never reaches the agent", async () => {
  const params = { sessionId: session.editorId, prompt: [] };
  const running = editor.sendRequest("session/prompt", params);
  const { id } = await agent.acp.waitForRequest("session/prompt");
  const waiting = editor.sendRequest("session/prompt", params);
  editor.notify(cancelRequest, { requestId: waiting.id });
  const answer = await waiting.answer();
  expect(answer.result ?? answer.error?.code).toBeOneOf([{ stopReason: "cancelled" }, -32800]);
  agent.acp.sendLine(JSON.stringify({ jsonrpc: "2.0", id, result: { stopReason: "end_turn" } }));
  expect((await running.answer()).result).toEqual({ stopReason: "end_turn" });
  expect(agent.acp.received.filter(({ method }) => method === "session/prompt")).toHaveLength(1);
});

test("an elicitation for a request names it by the id that the editor gave it", async () => {
  for (let count = 0; count < 5; count++) void editor.sendRequest("_vendor/other", {});
  const authenticate = editor.sendRequest("authenticate", { methodId: "login" });
  const { id } = await agent.acp.waitForRequest("authenticate");
  editor.onRequest("elicitation/create", () => ({ action: "decline" }));
  const params = { requestId: id, mode: "url", elicitationId: "e", url: "https://example.com/", message: "Sign in" };
  await agent.acp.request("elicitation/create", params);
  const question = await editor.waitForRequest("elicitation/create");
  expect(question.params).toEqual({ ...params, requestId: authenticate.id });
  agent.acp.sendLine(JSON.stringify({ jsonrpc: "2.0", id, result: {} }));
  await authenticate.answer();
});

test.each<[string, unknown]>([
  ["no params", undefined],
  ["null", null],
  ["a list", [1, { sessionId: "inside" }]],
  ["an empty object", {}],
])("params that are %s pass both ways", async (_, params) => {
  agent.acp.onRequest("_vendor/echo", () => "text");
  editor.onRequest("_vendor/echo", () => [false]);
  expect(await editor.request("_vendor/echo", params)).toBe("text");
  expect(await agent.acp.request("_vendor/echo", params)).toEqual([false]);
  for (const side of [editor, agent.acp]) {
    side.notify("_vendor/tell", params);
    const other = side === editor ? agent.acp : editor;
    const told = await other.waitFor(({ method }) => method === "_vendor/tell");
    expect(told.params).toEqual(params);
    expect(other.received.find(({ method }) => method === "_vendor/echo")?.params).toEqual(params);
  }
});
