/**
 * Every message kind of the protocol passes through Crucible as it came, both ways: the least of each, the most of each, and each
 * with fields, kinds and values that no schema knows (ACP, "Extensibility"). Only the session's id differs between the two sides.
 */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RpcRefusal, type AcpClient } from "../support/acp-client.ts";
import type { Actor } from "../support/mirror-stage.ts";
import {
  errorOutcomes,
  expectNotificationsRelayed,
  expectRequestsRelayed,
  expectSameInOrder,
  startRelay,
  type Outcome,
  type Relay,
  type RelayedRequest,
  type SessionPair,
} from "../support/relay.ts";
import {
  isJsonRecord,
  readProtocolSchema,
  unheardOf,
  type JsonRecord,
  type MessageKind,
  type ProtocolSchema,
} from "../support/schema-messages.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";

/**
 * How each message kind of the SDK's schema is treated. A kind that a new SDK brings is not in here, and a test below fails
 * until somebody has decided.
 *
 * connection: passes untouched. session: under the session's id on each side. opens, reopens, closes, list: of sessions.
 * initialize and cancel have tests of their own. Behind the colon: where a message of that kind goes.
 */
const treatment: Readonly<Record<string, string>> = {
  "agent request initialize": "initialize",
  "agent request authenticate": "connection",
  "agent request logout": "connection",
  "agent request auth/status": "connection",
  "agent request providers/list": "connection",
  "agent request providers/set": "connection",
  "agent request providers/disable": "connection",
  "agent request session/new": "opens",
  "agent request session/fork": "opens",
  "agent request session/load": "reopens",
  "agent request session/resume": "reopens",
  "agent request session/list": "list",
  "agent request session/close": "closes",
  "agent request session/delete": "closes",
  "agent request session/archive": "session",
  "agent request session/unarchive": "session",
  "agent request session/status": "session",
  "agent request session/set_title": "session",
  "agent request session/set_mode": "session",
  "agent request session/set_config_option": "session",
  "agent request session/prompt": "session",
  "agent notification session/cancel": "session",
  "agent notification mcp/message": "connection",
  "client request fs/read_text_file": "session",
  "client request fs/write_text_file": "session",
  "client request session/request_permission": "session",
  "client request terminal/create": "session",
  "client request terminal/output": "session",
  "client request terminal/release": "session",
  "client request terminal/wait_for_exit": "session",
  "client request terminal/kill": "session",
  "client request elicitation/create": "session",
  "client request mcp/message": "connection",
  "client notification session/update": "session",
  "client notification elicitation/complete": "connection",
  "client notification auth/status_update": "connection",
  "protocol notification $/cancel_request": "cancel",
  // Between a conductor and its proxies (a draft); neither an editor nor an agent says these, so they are unknown methods here.
  "proxy request proxy/initialize": "connection",
  "proxy request proxy/successor": "connection",
  "proxy notification proxy/successor": "connection",
};

const nameOf = ({ side, type, method }: MessageKind): string => `${side} ${type} ${method}`;
const unstable = readProtocolSchema("unstable");
const stable = readProtocolSchema("stable");

let relay: Relay;
let editor: AcpClient;
let agent: Actor;

shareAmongTests({
  open: async () => {
    relay = await startRelay();
    ({ editor, agent } = await relay.pair());
  },
  close: () => relay[Symbol.asyncDispose](),
});

test("every message kind of the schema has a treatment, and nothing else has", () => {
  expect(Object.keys(treatment).toSorted()).toEqual(unstable.kinds().map(nameOf).toSorted());
  expect(Object.keys(treatment)).toEqual(expect.arrayContaining(stable.kinds().map(nameOf)));
});

test("every request of the schema has a result in it", () => {
  const without = unstable.kinds().filter(({ type, result }) => type === "request" && result === undefined);
  expect(without).toEqual([]);
});

test.each([
  ["unstable", unstable],
  ["stable", stable],
])("the generated messages hold every named kind and value of the %s schema", (_, schema) => {
  const definitions = schema.kinds().flatMap(({ params, result }) => (result ? [params, result] : [params]));
  for (const definition of definitions) {
    const text = JSON.stringify(schema.instances(definition, "maximal"));
    const expected = [...schema.reachable(definition)].flatMap((name) => schema.constantsOf(name));
    const missing = expected.filter((value) => !text.includes(JSON.stringify(value)));
    expect(missing, definition).toEqual([]);
  }
});

test("strange messages hold unknown update kinds, content blocks and enum values", () => {
  const text = JSON.stringify(unstable.instances("SessionNotification", "strange"));
  for (const tag of ["sessionUpdate", "type", "kind", "status"]) expect(text).toContain(`"${tag}":"${unheardOf}"`);
});

// A kind that looks different in the drafts is sent in both forms.
describe.each([
  ["stable", stable],
  ["unstable", unstable],
])("in the %s protocol", (_, schema) => {
  const kinds = (side: MessageKind["side"], type: MessageKind["type"], how: string): [string, MessageKind][] =>
    schema
      .kinds()
      .filter((kind) => kind.side === side && kind.type === type && treatment[nameOf(kind)] === how)
      .map((kind) => [kind.method, kind]);

  test.each(kinds("agent", "request", "connection"))("%s passes from editor to agent", async (_name, kind) => {
    const ends = { from: editor, to: agent.acp, method: kind.method };
    await expectRequestsRelayed(ends, requestsOf(schema, kind));
  });

  test.each(kinds("agent", "request", "session"))("%s passes from editor to agent", async (_name, kind) => {
    const { editorId, agentId } = await relay.openSession(editor);
    const ends = { from: editor, to: agent.acp, method: kind.method };
    await expectRequestsRelayed(ends, underIds(requestsOf(schema, kind), { from: editorId, to: agentId }));
  });

  test.each(kinds("client", "request", "connection"))("%s passes from agent to editor", async (_name, kind) => {
    const ends = { from: agent.acp, to: editor, method: kind.method };
    await expectRequestsRelayed(ends, requestsOf(schema, kind));
  });

  test.each(kinds("client", "request", "session"))("%s passes from agent to editor", async (_name, kind) => {
    const ends = { from: agent.acp, to: editor, method: kind.method };
    if (kind.method === "session/request_permission") {
      for (const request of requestsOf(schema, kind).map(answeredAsOffered)) {
        // An answer for always is remembered, and the next question of the same kind would not be asked.
        const { editorId, agentId } = await relay.openSession(editor);
        await expectRequestsRelayed(ends, underIds([request], { from: agentId, to: editorId }));
      }
      return;
    }
    const { editorId, agentId } = await relay.openSession(editor);
    // An elicitation may belong to a request instead of a session; that has a test of its own.
    const requests = requestsOf(schema, kind)
      .filter(({ params }) => !("requestId" in params))
      .map(({ params, outcome }) => ({ params: insideKiln(kind.method, params), outcome }));
    await expectRequestsRelayed(ends, underIds(requests, { from: agentId, to: editorId }));
  });

  test.each(kinds("agent", "notification", "connection"))("%s passes from editor to agent", async (_name, kind) => {
    const ends = { from: editor, to: agent.acp, method: kind.method };
    await expectNotificationsRelayed(
      ends,
      instancesOf(schema, kind.params).map((params) => ({ params })),
    );
  });

  test.each(kinds("agent", "notification", "session"))("%s passes from editor to agent", async (_name, kind) => {
    const { editorId, agentId } = await relay.openSession(editor);
    const notifications = instancesOf(schema, kind.params).map((params) => ({
      params: { ...params, sessionId: editorId },
      expectedParams: { ...params, sessionId: agentId },
    }));
    await expectNotificationsRelayed({ from: editor, to: agent.acp, method: kind.method }, notifications);
  });

  test.each(kinds("client", "notification", "connection"))("%s passes from agent to editor", async (_name, kind) => {
    const ends = { from: agent.acp, to: editor, method: kind.method };
    await expectNotificationsRelayed(
      ends,
      instancesOf(schema, kind.params).map((params) => ({ params })),
    );
  });

  test.each(kinds("client", "notification", "session"))("%s passes from agent to editor", async (_name, kind) => {
    const { editorId, agentId } = await relay.openSession(editor);
    const notifications = instancesOf(schema, kind.params).map((params) => ({
      params: { ...params, sessionId: agentId },
      expectedParams: { ...params, sessionId: editorId },
    }));
    await expectNotificationsRelayed({ from: agent.acp, to: editor, method: kind.method }, notifications);
  });

  test.each(kinds("agent", "request", "opens"))("%s opens sessions with all it was given", async (_name, kind) => {
    const source = await relay.openSession(editor);
    for (const { params, outcome } of requestsOf(schema, kind)) {
      const cwd = relay.daemon.kiln;
      const agentId = relay.stage.newSessionId();
      const given: JsonRecord = "sessionId" in params ? { sessionId: source.editorId } : {};
      const expected: JsonRecord = "sessionId" in params ? { sessionId: source.agentId } : {};
      const result = "result" in outcome && { result: { ...outcome.result, sessionId: agentId } };
      const heard = agent.acp.received.length;
      const answer = await answerTo(kind.method, { ...params, cwd, ...given }, result || outcome);
      const { params: heardParams } = agent.acp.received.slice(heard).find(({ method }) => method === kind.method)!;
      expectSameInOrder([heardParams], [{ ...params, cwd, ...expected }], `params of ${kind.method}`);
      if (!("result" in outcome)) {
        expectSameInOrder([answer], [outcome], `errors of ${kind.method}`);
        continue;
      }
      const editorId = sessionIdIn(answer);
      expect([agentId, source.editorId, source.agentId]).not.toContain(editorId);
      expectSameInOrder(
        [answer],
        [{ result: { ...outcome.result, sessionId: editorId } }],
        `answers to ${kind.method}`,
      );
      await expectSpeaking({ editorId, agentId });
    }
  });

  test.each(kinds("agent", "request", "reopens"))("%s reopens sessions with all it was given", async (_name, kind) => {
    const { editorId, agentId } = await relay.openSession(editor);
    const cwd = relay.daemon.kiln;
    const requests = requestsOf(schema, kind).map(({ params, outcome }) => ({ params: { ...params, cwd }, outcome }));
    const ends = { from: editor, to: agent.acp, method: kind.method };
    await expectRequestsRelayed(ends, underIds(requests, { from: editorId, to: agentId }));
    await expectSpeaking({ editorId, agentId });
  });

  test.each(kinds("agent", "request", "closes"))(
    "%s passes to the agent, each for one session",
    async (_name, kind) => {
      for (const request of requestsOf(schema, kind)) {
        const { editorId, agentId } = await relay.openSession(editor);
        const ends = { from: editor, to: agent.acp, method: kind.method };
        await expectRequestsRelayed(ends, underIds([request], { from: editorId, to: agentId }));
      }
    },
  );

  test.each(kinds("agent", "request", "list"))(
    "%s reaches the agent but for the page, and its conversations pass with ids of Crucible's own",
    async (_name, kind) => {
      for (const { params, outcome } of requestsOf(schema, kind)) {
        const { cursor: _page, ...asked } = params;
        const before = agent.acp.received.length;
        const answer = await answerTo(kind.method, asked, outcome);
        const heard = agent.acp.received.slice(before).find(({ method }) => method === kind.method);
        expectSameInOrder([heard?.params], [asked], `params of ${kind.method}`);
        const expected = listedIn(outcome);
        // What earlier tests have said is in the store, and listed as well.
        expect(listedIn(answer)).toMatchObject({
          ...expected,
          sessions: expect.arrayContaining(expected.sessions) as object,
        });
      }
    },
  );
});

type GeneratedRequest = {
  params: JsonRecord;
  outcome: { result: JsonRecord } | { error: { code: number; message: string } };
};

/** Sends one request and gives the answer to it; the agent answers with `outcome`. */
async function answerTo(method: string, params: JsonRecord, outcome: Outcome): Promise<Outcome> {
  relay.stage.onRequest(method, () => {
    if ("result" in outcome) return outcome.result;
    throw new RpcRefusal(outcome.error.code, outcome.error.message, { data: outcome.error.data });
  });
  const { result, error } = await editor.sendRequest(method, params).answer();
  return error ? { error } : { result };
}

/** What the agent says in a session arrives in it. */
async function expectSpeaking({ editorId, agentId }: SessionPair): Promise<void> {
  const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text: `I am ${agentId}` } };
  agent.acp.notify("session/update", { sessionId: agentId, update });
  await editor.waitFor(({ params }) => params?.["sessionId"] === editorId && params?.["update"] !== undefined);
  expect(editor.updates(editorId)).toContainEqual(update);
}

const shapes = ["minimal", "maximal", "strange"] as const;

function instancesOf(schema: ProtocolSchema, definition: string): JsonRecord[] {
  return shapes.flatMap((shape) => schema.records(definition, shape));
}

/** Enough requests of a kind for all its params and all its answers, and errors. */
function requestsOf(schema: ProtocolSchema, { params, result }: MessageKind): GeneratedRequest[] {
  const allParams = instancesOf(schema, params);
  const results = instancesOf(schema, result ?? "").map((one) => ({ result: one }));
  const outcomes = [...results, ...errorOutcomes] as GeneratedRequest["outcome"][];
  return Array.from({ length: Math.max(allParams.length, outcomes.length) }, (_, index) => ({
    params: allParams[index % allParams.length]!,
    outcome: outcomes[index % outcomes.length]!,
  }));
}

/** Paths that agents name lie in the kiln, or they do not pass: the generated text becomes the name of a file there. */
/** What a person chooses is one of the options of the question; anything else counts as no answer. */
function answeredAsOffered({ params, outcome }: GeneratedRequest): GeneratedRequest {
  const chosen = "result" in outcome ? (outcome.result["outcome"] as JsonRecord | undefined) : undefined;
  if (!("result" in outcome) || chosen?.["outcome"] !== "selected") return { params, outcome };
  const [offered] = params["options"] as JsonRecord[];
  const answer: JsonRecord = offered ? { ...chosen, optionId: offered["optionId"]! } : { outcome: "cancelled" };
  return { params, outcome: { result: { ...outcome.result, outcome: answer } } };
}

function insideKiln(method: string, params: JsonRecord): JsonRecord {
  const placed = (path: unknown): string => join(relay.daemon.kiln, String(path).replaceAll("\0", "").slice(0, 200));
  if (method.startsWith("fs/")) return { ...params, path: placed(params["path"]) };
  return method === "terminal/create" && typeof params["cwd"] === "string"
    ? { ...params, cwd: placed(params["cwd"]) }
    : params;
}

function underIds(requests: readonly GeneratedRequest[], { from, to }: { from: string; to: string }): RelayedRequest[] {
  return requests.map(({ params, outcome }) => ({
    params: { ...params, sessionId: from },
    expectedParams: { ...params, sessionId: to },
    outcome,
  }));
}

function sessionIdIn(answer: Outcome): string {
  const result = "result" in answer ? answer.result : undefined;
  expect(result).toMatchObject({ sessionId: expect.any(String) as string });
  return (result as { sessionId: string }).sessionId;
}

/** What a list says, whatever the ids and the order; nothing for an agent that cannot list. */
function listedIn(outcome: Outcome): { sessions: string[] } {
  if (!("result" in outcome) || !isJsonRecord(outcome.result)) return { sessions: [] };
  const { nextCursor: _page, sessions, ...others } = outcome.result;
  // One conversation, one entry.
  const byId = new Map((sessions as JsonRecord[]).map((entry) => [entry["sessionId"], entry]));
  const entries = [...byId.values()].map((entry) => JSON.stringify({ ...entry, sessionId: "an id" }));
  return { ...others, sessions: entries.toSorted() };
}
