/** The parts of a bridge that outlives its daemon: whole lines at any chunking, the few lines it looks at, and its limits. */
import type { DroppedLine } from "../../../src/base/lines.ts";
import { PassThrough } from "node:stream";
import { array, assert, nat, property, uint8Array } from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { acpDialect } from "../../../src/cli/lasting-bridge/acp-dialect.ts";
import { runLastingBridge } from "../../../src/cli/lasting-bridge/bridge.ts";
import { Ledger, maxRestoredSessions } from "../../../src/cli/lasting-bridge/ledger.ts";
import { headOf, sift } from "../../../src/cli/lasting-bridge/sift.ts";
import { eachLine, WholeLines } from "../../../src/cli/lasting-bridge/whole-lines.ts";
import { farewell, isFarewell } from "../../../src/control/hello.ts";
import { daemonUnreachable } from "../../../src/control/errors.ts";

function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((one, other) => one - other);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe("whole lines", () => {
  test("at any chunking: the same bytes, and each part that goes on ends with a line", () => {
    assert(
      property(uint8Array({ maxLength: 300 }), array(nat(300), { maxLength: 12 }), (data, cuts) => {
        // Newlines are rare among random bytes.
        const bytes = Buffer.from(data.map((byte) => (byte % 9 === 0 ? 10 : byte)));
        const passed: Buffer[] = [];
        const lines = new WholeLines({ maxLineBytes: 1000, onLines: (part) => passed.push(part), onTooLong: () => {} });
        for (const piece of pieces(bytes, cuts)) lines.push(piece);
        for (const part of passed) expect(part.at(-1)).toBe(10);
        expect(Buffer.concat([...passed, lines.takeRest()])).toEqual(bytes);
      }),
    );
  });

  test("a line beyond the limit is dropped and told of, and those around it pass", () => {
    const passed: string[] = [];
    const tooLong: DroppedLine[] = [];
    const lines = new WholeLines({
      maxLineBytes: 10,
      onLines: (part) => passed.push(part.toString()),
      onTooLong: (dropped) => tooLong.push(dropped),
    });
    for (const piece of ["one\nxxxxxxxx", "xxxxxxxx", "x\ntwo\nth", "ree\n"]) lines.push(Buffer.from(piece));
    expect(passed).toEqual(["one\n", "two\n", "three\n"]);
    expect(tooLong).toEqual([{ bytes: 17, head: "xxxxxxxxxxxxxxxx", tail: "x\n" }]);
  });

  test("are told apart one by one", () => {
    expect([...eachLine(Buffer.from("a\n\nbc\n"))].map(String)).toEqual(["a\n", "\n", "bc\n"]);
  });
});

describe("the lines of a daemon", () => {
  const update =
    '{"jsonrpc":"2.0","method":"session/update","params":{"text":"\\n{\\"jsonrpc\\":\\"2.0\\",\\"id\\":1"}}\n';
  const request = '{"jsonrpc":"2.0","id":5,"method":"fs/read_text_file","params":{}}\n';
  const answer = '{"jsonrpc":"2.0","id":"a\\"b","result":{"id":7}}\n';
  const failure = '{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}\n';

  test("are looked at only where they are requests, answers or the daemon's own, and leave in order what is kept", () => {
    const seen: string[] = [];
    const all = [request, update, answer, update, update, farewell, failure].join("");
    const kept = sift(Buffer.from(all), (line) => {
      seen.push(line.toString());
      return !isFarewell(line);
    });
    expect(seen).toEqual([request, answer, farewell, failure]);
    expect(Buffer.concat(kept).toString()).toBe([request, update, answer, update, update, failure].join(""));
  });

  test("tell their ids as they are written", () => {
    expect([request, answer, failure, update].map((line) => headOf(Buffer.from(line)))).toEqual([
      { id: "5", kind: "request" },
      { id: '"a\\"b"', kind: "answer" },
      { id: "null", kind: "answer" },
      undefined,
    ]);
    const long = "x".repeat(2000);
    expect(headOf(Buffer.from(`{"jsonrpc":"2.0","id":"${long}","result":{}}\n`))).toEqual({
      id: `"${long}"`,
      kind: "answer",
    });
  });
});

test("of very many open sessions those opened last are opened again", () => {
  const ledger = new Ledger();
  for (let number = 0; number <= maxRestoredSessions; number++) {
    ledger.sent({ id: number, method: "session/load", params: { sessionId: `ses_${number}`, cwd: "/" } });
    ledger.heard({ id: String(number), kind: "answer" }, Buffer.from('{"result":{}}'));
  }
  expect(ledger.sessions).toHaveLength(maxRestoredSessions);
  expect(ledger.sessions[0]).toEqual({ sessionId: "ses_1", params: { cwd: "/" } });
});

test("where no daemon may be started, the bridge waits for one up to its limit, and then answers and ends", async () => {
  const streams = { input: new PassThrough(), output: new PassThrough() };
  const daemon = new PassThrough();
  let calls = 0;
  const ended = runLastingBridge({
    ...streams,
    dialect: acpDialect,
    autostart: false,
    absenceLimitMs: 1000,
    say: () => {},
    reach: async () => {
      if (calls++ === 0) return daemon as never;
      throw daemonUnreachable.create("no daemon answers");
    },
  });
  await new Promise((resolve) => setImmediate(resolve));
  daemon.destroy();
  await new Promise((resolve) => daemon.once("close", resolve));
  streams.input.write('{"jsonrpc":"2.0","id":1,"method":"session/prompt","params":{}}\n');
  expect(await ended).toMatchObject({ code: "CRU_DAEMON_UNREACHABLE" });
  expect(String(streams.output.read())).toContain('"id":1,"error"');
  expect(calls).toBeGreaterThan(2);
});
