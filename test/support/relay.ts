/**
 * An editor and an agent with Crucible between them, both played by the test, so that what one says can be compared with what
 * the other hears. Many messages are sent at once and compared in order.
 */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { openDoor } from "../../src/control/door.ts";
import { connectAcpClient, RpcRefusal, type AcpClient, type Message } from "./acp-client.ts";
import { until } from "./conditions.ts";
import { startDaemon, type TestDaemon } from "./daemon.ts";
import { openMirrorStage, type Actor, type MirrorProfile, type MirrorStage } from "./mirror-stage.ts";

/** The same conversation under the names that both sides have for it. */
export interface SessionPair {
  editorId: string;
  agentId: string;
}

/** An answer to a request, as it stands in the message. */
export type Outcome = { result: unknown } | { error: NonNullable<Message["error"]> };

export interface RelayedRequest {
  params: unknown;
  outcome: Outcome;
  /** What the other side must hear, where it is not the same. */
  expectedParams?: unknown;
  /** What the asker must hear, where it is not the same. */
  expectedOutcome?: Outcome;
}

export interface RelayOptions {
  profile?: MirrorProfile;
  /** Further parts of crucible.toml. */
  config?: string;
}

/** A daemon with one profile, `mirror`, whose agents come to the stage. */
export async function startRelay({ profile, config = "" }: RelayOptions = {}): Promise<Relay> {
  const stage = await openMirrorStage();
  try {
    return new Relay(stage, await startDaemon({ config: stage.profile("mirror", profile) + config }));
  } catch (error) {
    await stage[Symbol.asyncDispose]();
    throw error;
  }
}

export class Relay implements AsyncDisposable {
  readonly stage: MirrorStage;
  readonly daemon: TestDaemon;
  #editors: AcpClient[] = [];

  constructor(stage: MirrorStage, daemon: TestDaemon) {
    this.stage = stage;
    this.daemon = daemon;
  }

  /** An editor on the daemon's socket itself, where the `crucible acp` in between would prove nothing more. */
  async connect(agent = "mirror"): Promise<AcpClient> {
    const cwd = this.daemon.kiln;
    const socket = await openDoor(this.daemon.home.socket, { door: "editor", agent, cwd });
    const editor = connectAcpClient({ input: socket, output: socket });
    this.#editors.push(editor);
    return editor;
  }

  /** An editor that has said `initialize`, and its agent. */
  async pair(): Promise<{ editor: AcpClient; agent: Actor }> {
    const count = this.stage.actors.length;
    const editor = await this.connect();
    await editor.initialize();
    return { editor, agent: await this.stage.actor(count) };
  }

  /** A session of an editor, and its id at the agent. */
  async openSession(editor: AcpClient, params: Record<string, unknown> = {}): Promise<SessionPair> {
    const agentId = this.stage.newSessionId();
    const before = this.stage.handlers.get("session/new")!;
    this.stage.onRequest("session/new", () => ({ sessionId: agentId }));
    const editorId = await editor.newSession(this.daemon.kiln, params);
    this.stage.onRequest("session/new", before);
    expect(editorId).not.toBe(agentId);
    return { editorId, agentId };
  }

  /** Closes all editors, waits until their agents have ended, and forgets how these were told to answer. */
  async disconnect(): Promise<void> {
    await this.#endEditors();
    await this.stage.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#endEditors();
    } finally {
      await this.daemon[Symbol.asyncDispose]();
      await this.stage[Symbol.asyncDispose]();
    }
  }

  async #endEditors(): Promise<void> {
    const editors = this.#editors;
    this.#editors = [];
    await Promise.all(editors.map((editor) => editor.end()));
  }
}

/** Sends requests of one method, all at once, and compares what arrives on both sides. */
export async function expectRequestsRelayed(
  { from, to, method }: { from: AcpClient; to: AcpClient; method: string },
  requests: readonly RelayedRequest[],
): Promise<void> {
  const before = paramsOf(to, method).length;
  let next = 0;
  to.onRequest(method, () => {
    const outcome = requests[next++]?.outcome;
    if (outcome && "error" in outcome) {
      const { code, message, data } = outcome.error;
      throw new RpcRefusal(code, message, { data });
    }
    return outcome?.result;
  });
  const sent = requests.map(({ params }) => from.sendRequest(method, params));
  const answers = await Promise.all(sent.map((request) => request.answer()));
  const expectedParams = requests.map((request) => request.expectedParams ?? request.params);
  expectSameInOrder(paramsOf(to, method).slice(before), expectedParams, `params of ${method}`);
  const outcomes = answers.map(({ result, error }) => (error ? { error } : { result }));
  const expected = requests.map((request) => request.expectedOutcome ?? request.outcome);
  expectSameInOrder(outcomes, expected, `answers to ${method}`);
}

/** Sends notifications of one method, all at once, and compares what arrives. */
export async function expectNotificationsRelayed(
  { from, to, method }: { from: AcpClient; to: AcpClient; method: string },
  notifications: readonly { params: unknown; expectedParams?: unknown }[],
): Promise<void> {
  const before = paramsOf(to, method).length;
  for (const { params } of notifications) from.notify(method, params);
  await until(() => paramsOf(to, method).length - before >= notifications.length, {
    what: `${notifications.length} ${method} notifications`,
  }).catch(() => {});
  const expected = notifications.map(({ params, expectedParams }) => expectedParams ?? params);
  expectSameInOrder(paramsOf(to, method).slice(before), expected, `params of ${method}`);
}

/** Deep equality, with the first difference shown and not all of a thousand. */
export function expectSameInOrder(actual: readonly unknown[], expected: readonly unknown[], what: string): void {
  for (const [index, one] of expected.entries()) {
    if (isSameJson(actual[index], one)) continue;
    expect(actual[index], `${what}, number ${index + 1} of ${expected.length}`).toStrictEqual(one);
    throw new Error(`${what}, number ${index + 1}: ${JSON.stringify(actual[index])} is not ${JSON.stringify(one)}`);
  }
  expect(actual.length, `number of ${what}`).toBe(expected.length);
}

// Equal texts are the common case, and right also for a field called __proto__.
function isSameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other) || isDeepStrictEqual(one, other);
}

function paramsOf(client: AcpClient, method: string): unknown[] {
  return client.received.filter((message) => message.method === method).map((message) => message.params);
}

/** An error with everything an error can have, and one with nothing to spare (JSON-RPC 2.0 §5.1). */
export const errorOutcomes: readonly Outcome[] = [
  { error: { code: -32000, message: "sign in first", data: { methods: ["login"], nested: [null, 1.5, {}] } } },
  { error: { code: -32602, message: "" } },
  { error: { code: 4242, message: "of the agent's own making", data: "text" } },
  { error: { code: -32603, message: "zero", data: 0 } },
];
