/** How much of a terminal's output is kept, by what its agent asks for and by what it may have. */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { Scope } from "../../../src/base/scope.ts";
import { defaultTerminalOutputBytes, maxTerminalOutputBytes, Terminals } from "../../../src/kiln/terminals.ts";
import type { RunningProcess } from "../../../src/process/child.ts";
import type { Session } from "../../../src/sessions/session.ts";

const flood = Buffer.alloc(2 * maxTerminalOutputBytes, "x");

/** What is kept of a flood, in bytes, when the agent names this limit. */
async function keptOf(outputByteLimit: number | undefined): Promise<{ bytes: number; truncated: unknown }> {
  const stdout = new PassThrough();
  const running = { stdout, exited: new Promise(() => {}) } as unknown as RunningProcess;
  const session = { scope: new Scope(() => {}), lastHeardAt: 0 } as unknown as Session;
  const terminals = new Terminals({ session, start: async () => running, onRan: () => {} });
  const { terminalId } = await terminals.create({ command: "yes", outputByteLimit }, "/");
  stdout.emit("data", flood);
  const signal = AbortSignal.timeout(10_000);
  const answer = (await terminals.answer("terminal/output", { terminalId }, signal)) as Record<string, unknown>;
  return { bytes: Buffer.byteLength(String(answer["output"])), truncated: answer["truncated"] };
}

test.each([
  ["an agent that names no limit has so much", undefined, defaultTerminalOutputBytes],
  ["an agent that names one has that", 1000, 1000],
  ["no agent has more than the most", 1e12, maxTerminalOutputBytes],
])("%s", async (_, limit, kept) => {
  expect(await keptOf(limit)).toEqual({ bytes: kept, truncated: true });
});
