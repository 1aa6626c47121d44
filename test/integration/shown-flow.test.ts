/** A child that says more than its root's editor reads: shown in full it is held back, so that nothing piles up in the daemon. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDoor } from "../../src/control/door.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { LinePeer } from "../support/line-peer.ts";
import { assertIdle, delegateLine, pidOfWorking } from "./delegating.ts";

const count = 100_000;
const bytes = 1000;

let daemon: TestDaemon;
let editor: LinePeer;
let session: string;

beforeEach(async () => {
  const profiles = [scriptedProfile("parent", { delegation: "enabled = true" }), scriptedProfile("worker")];
  daemon = await startDaemon({ config: profiles.join("\n") });
  editor = new LinePeer(await openDoor(daemon.home.socket, { door: "editor", agent: "parent", cwd: daemon.kiln }));
  await ask(1, "initialize", { protocolVersion: 1, clientCapabilities: { subagents: {} } });
  session = (await ask(2, "session/new", { cwd: daemon.kiln, mcpServers: [] }))["sessionId"] as string;
});
afterEach(async () => {
  editor.stream.destroy();
  await assertIdle(daemon);
  await daemon[Symbol.asyncDispose]();
});

async function ask(id: number, method: string, params: object): Promise<Record<string, unknown>> {
  editor.send({ jsonrpc: "2.0", id, method, params });
  return (await editor.waitFor({ id }))["result"] as Record<string, unknown>;
}

/** The child floods, and the editor stops reading as soon as it knows of it. */
async function floodUnread(): Promise<number> {
  const task = `flood ${count} ${bytes}\nsay the end`;
  const prompt = [{ type: "text", text: delegateLine({ agent: "worker", task }) }];
  editor.send({ jsonrpc: "2.0", id: 3, method: "session/prompt", params: { sessionId: session, prompt } });
  await until(() => editor.received.some((line) => JSON.stringify(line).includes("subagent_update")), {
    what: "the child to be announced",
  });
  editor.stream.pause();
  return pidOfWorking(daemon, "worker");
}

/** Waits until a process has not written for half a second, and gives what it has written, in bytes. */
function writtenWhenStill(pid: number): Promise<number> {
  let last = -1;
  let since = Date.now();
  return until(
    () => {
      const now = Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
      if (now !== last) [last, since] = [now, Date.now()];
      return Date.now() - since > 500 ? last : undefined;
    },
    { what: "the flood to stop" },
  );
}

test("the child waits while the editor does not read, and all of it arrives when it does", async () => {
  const written = await writtenWhenStill(await floodUnread());
  expect(written, "bytes the child could write").toBeLessThan((count * bytes) / 2);
  editor.stream.resume();
  await until(() => editor.received.some(({ id }) => id === 3), { what: "the end of the turn" });
  const texts = editor.received.flatMap(({ params }) => {
    const { sessionId, update } = (params ?? {}) as { sessionId?: string; update?: { content?: { text?: string } } };
    return sessionId !== undefined && sessionId !== session ? (update?.content?.text?.split(" ")[0] ?? []) : [];
  });
  expect(texts.slice(0, count).findIndex((text, index) => text !== String(index))).toBe(-1);
  expect(texts).toHaveLength(count + 1);
});

test("a child that is held back can be cancelled", async () => {
  await writtenWhenStill(await floodUnread());
  editor.send({ jsonrpc: "2.0", method: "session/cancel", params: { sessionId: session } });
  await until(
    async () => {
      const { stdout } = await daemon.crucible(["status", "--json", ...daemon.home.place]);
      return (JSON.parse(stdout) as { delegations: { running: number } }).delegations.running === 0;
    },
    { what: "the delegation to end" },
  );
  editor.stream.resume();
  expect((await editor.waitFor({ id: 3 }))["result"]).toMatchObject({ stopReason: "cancelled" });
});
