/** The one JSON-RPC conversation everything in Crucible runs over: framing, order, cancelling, garbage, pressure, and its end. */
import { PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "../../support/fast-check.ts";
import { afterEach, describe, expect, test } from "vitest";
import { noTraffic } from "../../../src/acp/traffic.ts";
import { maxMessageDepth } from "../../../src/acp/inbox.ts";
import { Link, maxMessageBytes, type LinkOptions } from "../../../src/acp/link.ts";
import { maxOpenRequests } from "../../../src/acp/requests-under-way.ts";
import { RpcError, type IncomingRequest } from "../../../src/acp/wire.ts";
import { agentStart } from "../../../src/process/errors.ts";
import { until } from "../../support/conditions.ts";

type Received = Record<string, unknown>;

/** A link and the other end of its streams. */
class Pair {
  readonly toLink: PassThrough;
  readonly fromLink: PassThrough;
  readonly link: Link;
  readonly notifications: { method: string; params: unknown }[] = [];
  readonly strays: string[] = [];
  readonly bugs: unknown[] = [];
  /** Every message the link has written, and the chunks it wrote them in. */
  readonly written: Received[] = [];
  readonly chunks: string[] = [];
  onRequest: (request: IncomingRequest) => Promise<unknown> = () => Promise.resolve({});

  constructor(options: Partial<LinkOptions> & { outputBytes?: number } = {}) {
    const { outputBytes, ...linkOptions } = options;
    this.toLink = new PassThrough();
    this.fromLink = new PassThrough(outputBytes === undefined ? {} : { highWaterMark: outputBytes });
    this.link = new Link({
      input: this.toLink,
      output: this.fromLink,
      listener: {
        request: (request) => this.onRequest(request),
        notification: (method, params) => void this.notifications.push({ method, params }),
      },
      closeReason: () => new Error("the other side is gone"),
      onStray: (line) => this.strays.push(line),
      onBug: (error) => this.bugs.push(error),
      ...linkOptions,
    });
    opened.push(this);
  }

  /** Reads what the link writes from now on. */
  listen(): this {
    let rest = "";
    this.fromLink.setEncoding("utf8").on("data", (text: string) => {
      this.chunks.push(text);
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.written.push(...lines.map((line) => JSON.parse(line) as Received));
    });
    return this;
  }

  say(...messages: unknown[]): void {
    this.toLink.write(
      messages.map((message) => `${JSON.stringify({ jsonrpc: "2.0", ...(message as object) })}\n`).join(""),
    );
  }

  async answerTo(id: unknown): Promise<Received> {
    return until(() => this.written.find((message) => message["id"] === id && !("method" in message)), {
      what: `the answer to ${String(id)}`,
    });
  }
}

const opened: Pair[] = [];
afterEach(() => {
  for (const { link } of opened.splice(0)) link.close();
});

describe("framing", () => {
  test("what passes is counted, in messages and in bytes of UTF-8", async () => {
    const traffic = noTraffic();
    const pair = new Pair({ traffic }).listen();
    pair.say({ method: "grüße" }, { id: 1, method: "ask" });
    await pair.answerTo(1);
    pair.link.notify("größer", {});
    await until(() => pair.written.length === 2, { what: "the notification" });
    const bytes = (...lines: string[]): number => Buffer.byteLength(lines.join(""));
    expect(traffic).toEqual({
      received: {
        messages: 2,
        bytes: bytes('{"jsonrpc":"2.0","method":"grüße"}\n', '{"jsonrpc":"2.0","id":1,"method":"ask"}\n'),
      },
      sent: { messages: 2, bytes: bytes(...pair.chunks) },
    });
  });

  const message = fc.record({
    method: fc.string({ minLength: 1, unit: "grapheme" }).filter((method) => method !== "$/cancel_request"),
    params: fc.record({ text: fc.string({ unit: "binary" }), list: fc.array(fc.integer()) }),
  });

  test("messages arrive whole and in order, however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { maxLength: 12 }),
        fc.constantFrom("\n", "\r\n", "\n\n"),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        async (messages, newline, sizes) => {
          const pair = new Pair();
          const bytes = Buffer.from(
            messages.map((one) => JSON.stringify({ jsonrpc: "2.0", ...one }) + newline).join(""),
          );
          for (let at = 0; at < bytes.length;) {
            const size = sizes.next().value as number;
            pair.toLink.write(bytes.subarray(at, at + size));
            at += size;
          }
          pair.toLink.end();
          await pair.link.closed;
          expect(pair.notifications).toEqual(messages.map(({ method, params }) => ({ method, params })));
          expect(pair.strays).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a last line without its newline counts", async () => {
    const pair = new Pair();
    pair.toLink.end('{"jsonrpc":"2.0","method":"last"}');
    await pair.link.closed;
    expect(pair.notifications).toEqual([{ method: "last", params: undefined }]);
  });

  test("a line of 64 MiB is taken; a longer one is dropped, told once, and the conversation lives", async () => {
    const dropped: string[] = [];
    const pair = new Pair({ onDropped: (what) => dropped.push(what) }).listen();
    const frame = (bytes: number): Buffer => {
      const [head, tail] = ['{"jsonrpc":"2.0","method":"big","params":{"p":"', '"}}'];
      return Buffer.concat([
        Buffer.from(head),
        Buffer.alloc(bytes - head.length - tail.length, "x"),
        Buffer.from(tail),
      ]);
    };
    for (const bytes of [maxMessageBytes, maxMessageBytes + 1]) {
      const line = frame(bytes);
      for (let at = 0; at < line.length; at += 1 << 20) pair.toLink.write(line.subarray(at, at + (1 << 20)));
      pair.toLink.write("\n");
    }
    pair.say({ method: "after" });
    await until(() => pair.notifications.some(({ method }) => method === "after"), { what: "the message behind it" });
    expect(pair.notifications.map(({ method }) => method)).toEqual(["big", "after"]);
    expect(dropped).toEqual(["big of 64.0 MiB was dropped; at most 64.0 MiB are taken"]);
    expect(pair.strays).toEqual([]);
  });

  test("a thousand levels of JSON are taken; more are dropped, told, and answered where somebody waits", async () => {
    const dropped: string[] = [];
    const pair = new Pair({ onDropped: (what) => dropped.push(what) }).listen();
    const nested = (levels: number): string => `${"[".repeat(levels)}"]\\""${"]".repeat(levels)}`;
    const asked = pair.link.request("ask", {});
    // The message itself and its params are two of the levels.
    for (const levels of [maxMessageDepth - 2, maxMessageDepth - 1]) {
      pair.toLink.write(`{"jsonrpc":"2.0","method":"deep","params":{"p":${nested(levels)}}}\n`);
    }
    pair.toLink.write(`{"jsonrpc":"2.0","id":7,"method":"do","params":{"p":${nested(20_000)}}}\n`);
    pair.toLink.write(`{"jsonrpc":"2.0","id":0,"result":{"r":${nested(20_000)}}}\n`);
    await expect(asked).rejects.toThrow("an answer was dropped; at most 1000 levels of JSON are taken");
    await until(() => pair.written.some(({ id, error }) => id === 7 && error !== undefined));
    expect(pair.notifications.map(({ method }) => method)).toEqual(["deep"]);
    expect(dropped).toEqual([
      "deep was dropped; at most 1000 levels of JSON are taken",
      "do was dropped; at most 1000 levels of JSON are taken",
      "an answer was dropped; at most 1000 levels of JSON are taken",
    ]);
    expect(pair.strays).toEqual([]);
  });

  test("what is said in one turn of the event loop goes out in one write", async () => {
    const pair = new Pair().listen();
    for (let index = 0; index < 50; index++) pair.link.notify("n", { index });
    await until(() => pair.written.length === 50);
    expect(pair.chunks).toHaveLength(1);
    expect(pair.written.map(({ params }) => (params as { index: number }).index)).toEqual([...Array(50).keys()]);
  });

  test("so does what is said some promises later, and before anything that was put off to the next turn", async () => {
    const pair = new Pair().listen();
    let writtenBefore: number | undefined;
    pair.onRequest = async () => {
      setImmediate(() => (writtenBefore = pair.fromLink.readableLength + pair.chunks.join("").length));
      pair.link.notify("n", {});
      for (let hop = 0; hop < 20; hop++) await Promise.resolve();
      return {};
    };
    pair.say({ id: 1, method: "ask" });
    await until(() => pair.written.length === 2);
    expect(pair.chunks).toHaveLength(1);
    expect(writtenBefore).toBe(pair.chunks.join("").length);
  });
});

describe("order", () => {
  test("whoever awaits an answer has run before the message behind it is handed over", async () => {
    const events: string[] = [];
    const pair = new Pair({
      listener: { request: () => Promise.resolve({}), notification: (method) => void events.push(method) },
    });
    // As deep as the code that opens a session: each level adds turns of the microtask queue.
    const ask = async (): Promise<unknown> => pair.link.request("session/new", {});
    const askDeeper = async (): Promise<unknown> => {
      try {
        return await ask();
      } finally {
        await Promise.resolve();
      }
    };
    const opening = askDeeper().then(() => events.push("opened"));
    pair.say({ id: 0, result: { sessionId: "s" } }, { method: "first" }, { method: "second" });
    await opening;
    await until(() => events.length === 3);
    expect(events).toEqual(["opened", "first", "second"]);
  });

  test("holds for several answers and updates in one chunk, and for those that failed", async () => {
    const events: string[] = [];
    const pair = new Pair({
      listener: { request: () => Promise.resolve({}), notification: (method) => void events.push(method) },
    });
    const asked = [0, 1, 2].map((id) =>
      pair.link.request("r", {}).then(
        () => events.push(`answer ${id}`),
        () => events.push(`error ${id}`),
      ),
    );
    pair.say(
      { method: "a" },
      { id: 1, result: null },
      { method: "b" },
      { id: 0, error: { code: 1, message: "no" } },
      { method: "c" },
      { id: 2, result: {} },
      { method: "d" },
    );
    await Promise.all(asked);
    await until(() => events.length === 7);
    expect(events).toEqual(["a", "answer 1", "b", "error 0", "c", "answer 2", "d"]);
  });

  test("requests are begun in order, and none waits for another's answer", async () => {
    const pair = new Pair().listen();
    const begun: unknown[] = [];
    pair.onRequest = ({ params }) => {
      begun.push(params);
      return params === 1 ? new Promise(() => {}) : Promise.resolve(params);
    };
    pair.say({ id: 1, method: "r", params: 1 }, { id: 2, method: "r", params: 2 }, { id: 3, method: "r", params: 3 });
    expect(await pair.answerTo(3)).toMatchObject({ result: 3 });
    expect(begun).toEqual([1, 2, 3]);
  });
});

describe("requests to the peer", () => {
  test("get their own answer, whatever the order of the answers", async () => {
    const pair = new Pair();
    const [first, second] = [pair.link.request("a", {}), pair.link.request("b", {})];
    pair.say({ id: 1, result: "two" }, { id: 0, result: "one" });
    expect([await first, await second]).toEqual(["one", "two"]);
  });

  test("reject with the peer's error as it came", async () => {
    const pair = new Pair();
    const asked = pair.link.request("a", {});
    const error = { code: -32000, message: "sign in first", data: { deep: ["x"] } };
    pair.say({ id: 0, error });
    await expect(asked).rejects.toMatchObject(error);
    await expect(asked).rejects.toBeInstanceOf(RpcError);
  });

  test.each([[{}], ["text"], [{ code: "x" }], [[1]]])("an error that is none still rejects: %j", async (error) => {
    const pair = new Pair();
    const asked = pair.link.request("a", {});
    pair.say({ id: 0, error });
    await expect(asked).rejects.toMatchObject({ code: -32603 });
  });

  test("that are cancelled tell the peer and go on waiting: the peer still answers", async () => {
    const pair = new Pair().listen();
    const controller = new AbortController();
    const asked = pair.link.request("slow", {}, { signal: controller.signal });
    controller.abort();
    await until(() => pair.written.length === 2);
    expect(pair.written[1]).toMatchObject({ method: "$/cancel_request", params: { requestId: 0 } });
    pair.say({ id: 0, result: "late" });
    expect(await asked).toBe("late");
  });

  test("that were cancelled before they were sent are sent and cancelled", async () => {
    const pair = new Pair().listen();
    const asked = pair.link.request("slow", {}, { signal: AbortSignal.abort() });
    await until(() => pair.written.length === 2);
    expect(pair.written.map(({ method }) => method)).toEqual(["slow", "$/cancel_request"]);
    pair.say({ id: 0, error: { code: -32800, message: "cancelled" } });
    await expect(asked).rejects.toMatchObject({ code: -32800 });
  });

  test("that are answered leave nothing on their signal", async () => {
    const pair = new Pair().listen();
    const controller = new AbortController();
    const asked = pair.link.request("quick", {}, { signal: controller.signal });
    pair.say({ id: 0, result: 1 });
    await asked;
    controller.abort();
    await nextTurn();
    expect(pair.written.map(({ method }) => method)).toEqual(["quick"]);
  });
});

describe("requests of the peer", () => {
  test.each([[7], ["seven"], [0], [1.5], [""]])("are answered under their own id: %j", async (id) => {
    const pair = new Pair().listen();
    pair.onRequest = ({ method, params }) => Promise.resolve({ method, params });
    pair.say({ id, method: "_x/y", params: [1] });
    expect(await pair.answerTo(id)).toEqual({ jsonrpc: "2.0", id, result: { method: "_x/y", params: [1] } });
  });

  test("nothing as a result is null, since JSON-RPC wants one", async () => {
    const pair = new Pair().listen();
    pair.onRequest = () => Promise.resolve();
    pair.say({ id: 1, method: "m" });
    expect(await pair.answerTo(1)).toEqual({ jsonrpc: "2.0", id: 1, result: null });
  });

  test("errors leave as what they are", async () => {
    const pair = new Pair().listen();
    const errors = [
      new RpcError({ code: -32001, message: "theirs", data: { a: 1 } }),
      agentStart.create("could not start", { hint: "try again" }),
      new TypeError("x is not a function"),
    ];
    pair.onRequest = ({ params }) => Promise.reject(errors[params as number]!);
    for (const id of [0, 1, 2]) pair.say({ id, method: "m", params: id });
    expect((await pair.answerTo(0))["error"]).toEqual({ code: -32001, message: "theirs", data: { a: 1 } });
    expect((await pair.answerTo(1))["error"]).toMatchObject({
      message: expect.stringMatching(/could not start\nhint: try again/) as string,
      data: { code: "CRU_AGENT_START" },
    });
    expect((await pair.answerTo(2))["error"]).toMatchObject({ code: -32603 });
    expect(pair.bugs).toEqual([errors[2]]);
  });

  test("are cancelled by $/cancel_request, and only those", async () => {
    const pair = new Pair().listen();
    const aborted: unknown[] = [];
    pair.onRequest = ({ params, signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborted.push(params);
          reject(signal.reason as Error);
        });
      });
    pair.say({ id: "1", method: "m", params: "text id" }, { id: 1, method: "m", params: "number id" });
    pair.say({ method: "$/cancel_request", params: { requestId: 1 } });
    pair.say({ method: "$/cancel_request", params: { requestId: 99 } }, { method: "$/cancel_request" });
    expect((await pair.answerTo(1))["error"]).toMatchObject({ code: -32800 });
    expect(aborted).toEqual(["number id"]);
    expect(pair.notifications).toEqual([]);
  });

  test("beyond those that may be under way are refused, also under one id; when one was answered the next is taken", async () => {
    const pair = new Pair().listen();
    const under: { answer: (result: unknown) => void; signal: AbortSignal }[] = [];
    pair.onRequest = ({ signal }) => new Promise((answer) => under.push({ answer, signal }));
    for (let count = 0; count < maxOpenRequests; count++) pair.say({ id: "same", method: "wait" });
    pair.say({ id: "more", method: "wait" });
    expect(await pair.answerTo("more")).toMatchObject({
      error: { message: expect.stringContaining(`${maxOpenRequests} requests`) as string },
    });
    expect(under).toHaveLength(maxOpenRequests);
    under[0]!.answer({});
    await pair.answerTo("same");
    pair.say({ id: "next", method: "wait" });
    await until(() => under.length === maxOpenRequests + 1, { what: "the next to be taken" });
    pair.toLink.end();
    await pair.link.closed;
    expect(under.slice(1).every(({ signal }) => signal.aborted)).toBe(true);
  });

  test("have their signal aborted when the peer is gone", async () => {
    const pair = new Pair();
    const gone = new Promise<void>((resolve) => {
      pair.onRequest = ({ signal }) => {
        signal.addEventListener("abort", () => resolve());
        return new Promise(() => {});
      };
    });
    pair.say({ id: 1, method: "m" });
    await nextTurn();
    pair.toLink.end();
    await gone;
  });
});

describe("garbage", () => {
  const garbage = [
    "hello",
    "{",
    "[]",
    "null",
    "7",
    '"text"',
    "{}",
    '{"id":99,"result":1}',
    '{"id":{},"method":"m"}',
    "\u0000",
  ];

  test("is told and passed over; from an agent it is not answered", async () => {
    const pair = new Pair().listen();
    for (const line of garbage) pair.toLink.write(`${line}\n`);
    pair.say({ method: "fine" });
    await until(() => pair.notifications.length === 1);
    expect(pair.strays).toEqual(garbage);
    expect(pair.written).toEqual([]);
  });

  test("from an editor it is answered with -32700", async () => {
    const pair = new Pair({ answerGarbage: true }).listen();
    pair.toLink.write("hello\n");
    await until(() => pair.written.length === 1);
    expect(pair.written[0]).toMatchObject({ id: null, error: { code: -32700 } });
  });

  test("empty lines are nothing", async () => {
    const pair = new Pair({ answerGarbage: true }).listen();
    pair.toLink.write("\n\r\n\n");
    pair.say({ method: "fine" });
    await until(() => pair.notifications.length === 1);
    expect([...pair.strays, ...pair.written]).toEqual([]);
  });

  test("a listener that throws is a bug of ours, and the next message is handed over", async () => {
    const seen: string[] = [];
    const pair = new Pair({
      listener: {
        request: () => Promise.resolve({}),
        notification(method) {
          seen.push(method);
          if (method === "bad") throw new Error("broken");
        },
      },
    });
    pair.say({ method: "bad" }, { method: "good" });
    await until(() => seen.length === 2);
    expect(pair.bugs).toHaveLength(1);
  });

  test("a flood of it leaves others their turn", async () => {
    const pair = new Pair();
    pair.toLink.write("y\n".repeat(200_000));
    let turns = 0;
    while (pair.strays.length < 200_000) {
      await nextTurn();
      turns++;
    }
    expect(turns).toBeGreaterThan(3);
  });
});

describe("the end", () => {
  test("answers that came before it are delivered, and the others rejected with the reason", async () => {
    const pair = new Pair();
    const [answered, unanswered] = [pair.link.request("a", {}), pair.link.request("b", {})];
    unanswered.catch(() => {});
    pair.say({ method: "x" }, { id: 0, result: "just in time" }, { method: "last words" });
    pair.toLink.end();
    expect(await answered).toBe("just in time");
    await expect(unanswered).rejects.toThrow("the other side is gone");
    await pair.link.closed;
    expect(pair.notifications.map(({ method }) => method)).toEqual(["x", "last words"]);
  });

  test("a request after it rejects with the reason, and a notification goes nowhere", async () => {
    const pair = new Pair();
    pair.toLink.end();
    await pair.link.closed;
    expect(pair.link.isClosed).toBe(true);
    await expect(pair.link.request("a", {})).rejects.toThrow("the other side is gone");
    pair.link.notify("n", {});
  });

  test("comes with either stream, and with an error of either", async () => {
    const ends: ((pair: Pair) => void)[] = [
      ({ toLink }) => toLink.end(),
      ({ toLink }) => toLink.destroy(),
      ({ toLink }) => toLink.destroy(new Error("broken")),
      ({ fromLink }) => fromLink.destroy(),
      ({ fromLink }) => fromLink.destroy(new Error("broken")),
      ({ link }) => link.close(),
    ];
    for (const end of ends) {
      const pair = new Pair();
      const waiting = pair.link.request("a", {});
      end(pair);
      await expect(waiting).rejects.toThrow("the other side is gone");
      await pair.link.closed;
    }
  });

  test("closed by a handler in the middle of a chunk, it hands over nothing more, and breaks on nothing", async () => {
    for (const chunk of [
      '{"jsonrpc":"2.0","method":"close"}\n'.repeat(20),
      "garbage\n".repeat(20),
      '{"jsonrpc":"2.0","method":"close"}\n{"jsonrpc":"2.0","id":0,"result":1}\ngarbage\n',
    ]) {
      const heard: unknown[] = [];
      const hear = (what: unknown): void => {
        heard.push(what);
        pair.link.close();
      };
      const pair: Pair = new Pair({
        listener: { request: () => Promise.resolve({}), notification: hear },
        onStray: hear,
      });
      const waiting = pair.link.request("a", {});
      pair.toLink.write(chunk);
      await expect(waiting).rejects.toThrow("the other side is gone");
      await nextTurn();
      expect(heard).toHaveLength(1);
    }
  });

  test("from this side: what was sent before still goes out", async () => {
    const pair = new Pair().listen();
    pair.link.notify("bye", {});
    pair.link.close();
    await until(() => pair.written.length === 1);
    expect(pair.written[0]).toMatchObject({ method: "bye" });
    expect(pair.fromLink.writableEnded).toBe(true);
  });
});

describe("pressure", () => {
  test("is told when the peer does not read, and when it has caught up", async () => {
    const pair = new Pair({ outputBytes: 1000 });
    const told: boolean[] = [];
    pair.link.onPressure((congested) => told.push(congested));
    for (let index = 0; index < 20; index++) {
      pair.link.notify("n", { padding: "x".repeat(500) });
      await nextTurn();
    }
    expect(told).toEqual([true]);
    pair.listen();
    await until(() => told.length === 2);
    expect(told).toEqual([true, false]);
    expect(pair.written).toHaveLength(20);
  });

  test("a paused link hands nothing over and takes no more than its streams hold, until it was resumed as often", async () => {
    const pair = new Pair();
    pair.link.pause();
    pair.link.pause();
    let accepted = true;
    let sent = 0;
    for (; accepted && sent < 10_000; sent++) {
      accepted = pair.toLink.write(`${JSON.stringify({ jsonrpc: "2.0", method: "n", params: "x".repeat(1000) })}\n`);
    }
    expect(accepted).toBe(false);
    pair.link.resume();
    await nextTurn();
    expect(pair.notifications).toEqual([]);
    pair.link.resume();
    await until(() => pair.notifications.length === sent, { what: "all that was held back" });
    pair.link.resume();
    pair.say({ method: "more" });
    await until(() => pair.notifications.length === sent + 1);
  });

  test("the end that comes while it is paused waits for what is held back", async () => {
    const pair = new Pair();
    pair.link.pause();
    pair.say({ method: "one" }, { method: "two" });
    pair.toLink.end();
    await nextTurn();
    pair.link.resume();
    await pair.link.closed;
    expect(pair.notifications.map(({ method }) => method)).toEqual(["one", "two"]);
  });
});
