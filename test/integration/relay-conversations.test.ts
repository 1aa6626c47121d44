/**
 * Whole conversations as editors and agents have them without Crucible (test/fixtures/conversation-*.ndjson, one message a line and
 * who says it), held through Crucible: each message arrives on the other side before the next is said, and says the same.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { openDoor } from "../../src/control/door.ts";
import { until } from "../support/conditions.ts";
import { LinePeer } from "../support/line-peer.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { isJsonRecord, type Json, type JsonRecord } from "../support/schema-messages.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";

type Speaker = "editor" | "agent";

interface Line {
  from: Speaker;
  message: JsonRecord;
}

const fixtures = join(import.meta.dirname, "../fixtures");
const conversations = readdirSync(fixtures).filter((name) => /^conversation-.*\.ndjson$/.test(name));

let relay: Relay;

shareAmongTests({
  open: async () => void (relay = await startRelay()),
  close: () => relay[Symbol.asyncDispose](),
});

test.each(conversations)("%s is the same with Crucible in between", async (name) => {
  const lines = readFileSync(join(fixtures, name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  const hello = { door: "editor", agent: "mirror", cwd: relay.daemon.kiln } as const;
  const sides: Record<Speaker, LinePeer> = {
    editor: new LinePeer(await openDoor(relay.daemon.home.socket, hello)),
    agent: new LinePeer(new PassThrough()),
  };
  // The agent starts when the editor has said the first line.
  void relay.stage.nextStream().then((socket) => (sides.agent = new LinePeer(socket)));
  const names = new Names(`${name}:S`);
  for (const [index, { from, message }] of lines.entries()) {
    const { [from]: speaker } = sides;
    const hearer = (): JsonRecord[] => toldTo(sides[opposite(from)]);
    const before = hearer().length;
    speaker.send(names.spoken(message, from));
    await until(() => hearer().length > before, { what: `line ${index + 1} of ${name}` });
    const heard = hearer()[before]!;
    names.learn(message, heard, from);
    if (methodBehind({ from, message }, lines) === "initialize") expectInitialize(message, heard);
    else expect(heard, `line ${index + 1} of ${name}`).toEqual(names.expected(message, heard, from));
  }
  expect(toldTo(sides.agent).length + toldTo(sides.editor).length).toBe(lines.length);
  sides.editor.stream.destroy();
});

/** What a side heard of the other; what Crucible itself asks an agent is no part of the conversation (acp/whole-replay.ts). */
function toldTo({ received }: LinePeer): JsonRecord[] {
  return (received as JsonRecord[]).filter(
    ({ method }) => typeof method !== "string" || !method.startsWith("_crucible/"),
  );
}

/** The ids of a conversation under the names that each side has for them. */
class Names {
  readonly #session: Record<Speaker, string>;
  /** Ids of requests, by who sent them: as in the fixture, and as the other side knows them. */
  readonly #requests: Record<Speaker, Map<Json, Json>> = { editor: new Map(), agent: new Map() };

  constructor(sessionId: string) {
    // Until Crucible has given an id, the editor uses the agent's.
    this.#session = { editor: sessionId, agent: sessionId };
  }

  /** The message as its speaker says it. */
  spoken(message: JsonRecord, from: Speaker): JsonRecord {
    const other = opposite(from);
    const id: JsonRecord = isAnswer(message) ? { id: this.#requests[other].get(message["id"]!) ?? null } : {};
    return { ...message, ...id, ...this.#sessionNamed(message, this.#session[from]) };
  }

  learn(message: JsonRecord, heard: JsonRecord, from: Speaker): void {
    if (message["method"] !== undefined && message["id"] !== undefined) {
      this.#requests[from].set(message["id"], heard["id"]!);
    }
    const result = heard["result"];
    const opened = isAnswer(message) && isJsonRecord(message["result"]) && "sessionId" in message["result"];
    if (opened && isJsonRecord(result)) this.#session.editor = result["sessionId"] as string;
  }

  /** The message as the other side has to hear it. */
  expected(message: JsonRecord, heard: JsonRecord, from: Speaker): JsonRecord {
    // An answer comes under the id of the fixture, and a request under one that Crucible chose.
    const id: JsonRecord = message["method"] !== undefined && message["id"] !== undefined ? { id: heard["id"]! } : {};
    return { ...message, ...id, ...this.#sessionNamed(message, this.#session[opposite(from)]) };
  }

  #sessionNamed(message: JsonRecord, name: string): JsonRecord {
    for (const field of ["params", "result"]) {
      const value = message[field];
      if (isJsonRecord(value) && value["sessionId"] === "S") return { [field]: { ...value, sessionId: name } };
    }
    return {};
  }
}

/** What both sides hear in `initialize` has tests of its own; here only that it carries what was said. */
function expectInitialize(message: JsonRecord, heard: JsonRecord): void {
  if (message["params"] !== undefined) expect(heard["params"]).toMatchObject(message["params"] as object);
  const result = message["result"];
  if (isJsonRecord(result)) {
    const { agentInfo, ...rest } = result;
    expect(heard["result"]).toMatchObject({ ...rest, _meta: { crucible: { agentInfo: agentInfo ?? null } } });
  }
}

function isAnswer(message: JsonRecord): boolean {
  return message["method"] === undefined;
}

function opposite(side: Speaker): Speaker {
  return side === "editor" ? "agent" : "editor";
}

/** The method of a line, or of the request that it answers. */
function methodBehind({ from, message }: Line, lines: readonly Line[]): Json | undefined {
  if (!isAnswer(message)) return message["method"];
  const request = lines.find(
    (line) => line.from !== from && !isAnswer(line.message) && line.message["id"] === message["id"],
  );
  return request?.message["method"];
}
