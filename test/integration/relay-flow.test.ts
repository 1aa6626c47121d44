/**
 * Much at once: whoever does not read holds back the other side, so that nothing piles up in the daemon, nobody else notices,
 * and nothing is lost; and messages as large as pictures and whole files make them pass.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { maxMessageBytes } from "../../src/acp/link.ts";
import { LineSplitter } from "../../src/base/lines.ts";
import { openDoor } from "../../src/control/door.ts";
import { until } from "../support/conditions.ts";
import { LinePeer } from "../support/line-peer.ts";
import { startRelay, type Relay } from "../support/relay.ts";

const count = 50_000;
const filler = "x".repeat(2000);
/** Below the 100 MB of a flood, and above what a process gains and loses by itself: up to 60 MB with Node.js 24. */
const mostGrowthMb = 80;

let relay: Relay;

beforeEach(async () => {
  relay = await startRelay();
});

afterEach(() => relay?.[Symbol.asyncDispose]());

test("50,000 updates to an editor that does not read wait at the agent, and all arrive in order when it reads", async () => {
  const { editor, agent } = await rawPair();
  const { sessionId, agentId } = await rawSession(editor, agent);
  const before = residentMb();
  editor.stream.pause();
  const update = (number: number) => ({
    sessionUpdate: "agent_message_chunk",
    content: { type: "text", text: filler },
    _meta: { number },
  });
  const flood = pour(agent.stream, (number) => ({
    jsonrpc: "2.0",
    method: "session/update",
    params: { sessionId: agentId, update: update(number) },
  }));
  await heldBack(agent.stream);
  expect(flood.sent, "updates that the agent could send").toBeLessThan(count / 2);
  expect(residentMb() - before, "growth of the daemon in MB").toBeLessThan(mostGrowthMb);

  // Nobody else waits, and what the slow editor says still reaches its agent.
  const other = await relay.pair();
  other.agent.acp.onRequest("_vendor/echo", (params) => params);
  expect(await other.editor.request("_vendor/echo", { still: "alive" })).toEqual({ still: "alive" });
  editor.send({ jsonrpc: "2.0", method: "session/cancel", params: { sessionId } });
  expect(await agent.waitFor({ method: "session/cancel" })).toMatchObject({ params: { sessionId: agentId } });

  const seen: number[] = [];
  const foreign: string[] = [];
  editor.stream.removeAllListeners("data");
  const lines = new LineSplitter({
    maxLineBytes: 1e6,
    onLine: (line) => {
      const { params } = JSON.parse(line) as { params: { sessionId: string; update: ReturnType<typeof update> } };
      seen.push(params.update._meta.number);
      if (params.sessionId !== sessionId || params.update.content.text !== filler) foreign.push(line);
    },
    onTooLong: ({ bytes }) => foreign.push(`${bytes} bytes`),
  });
  editor.stream.on("data", (chunk: Buffer) => lines.push(chunk));
  editor.stream.resume();
  await until(() => seen.length >= count, { what: "all updates" });
  expect(foreign).toEqual([]);
  expect(seen.findIndex((number, index) => number !== index)).toBe(-1);
  expect(residentMb() - before, "growth of the daemon in MB").toBeLessThan(mostGrowthMb);
});

test("an agent that does not read holds back its editor, and all arrives in order when it reads", async () => {
  const { editor, agent } = await rawPair();
  const before = residentMb();
  agent.stream.pause();
  const flood = pour(editor.stream, (number) => ({
    jsonrpc: "2.0",
    method: "_vendor/tell",
    params: { number, filler },
  }));
  await heldBack(editor.stream);
  const grown = residentMb() - before;
  const { sent } = flood;
  const seen: number[] = [];
  agent.stream.removeAllListeners("data");
  const lines = new LineSplitter({
    maxLineBytes: 1e6,
    onLine: (line) => seen.push((JSON.parse(line) as { params: { number: number } }).params.number),
    onTooLong: () => {},
  });
  agent.stream.on("data", (chunk: Buffer) => lines.push(chunk));
  agent.stream.resume();
  await until(() => seen.length >= count, { what: "all notifications" });
  expect(seen.findIndex((number, index) => number !== index)).toBe(-1);
  expect(sent, "notifications that the editor could send").toBeLessThan(count / 2);
  expect(grown, "growth of the daemon in MB").toBeLessThan(mostGrowthMb);
});

test("messages of 40 MB pass: a prompt, its answer, an update, and a file that the agent writes", async () => {
  const { editor, agent } = await relay.pair();
  const { editorId, agentId } = await relay.openSession(editor);
  const data = "QUJD".repeat(10 * 1024 * 1024);
  const prompt = [{ type: "image", mimeType: "image/png", data }];
  agent.acp.onRequest("session/prompt", () => ({ stopReason: "end_turn", _meta: { data } }));
  const answer = await editor.request("session/prompt", { sessionId: editorId, prompt });
  expect(sameData((answer["_meta"] as { data: string }).data)).toBe(true);
  const heard = agent.acp.received.find(({ method }) => method === "session/prompt")!;
  expect(sameData((heard.params!["prompt"] as typeof prompt)[0]!.data)).toBe(true);

  agent.acp.notify("session/update", { sessionId: agentId, update: { sessionUpdate: "_large", data } });
  await until(() => editor.updates(editorId).length > 0, { what: "the update" });
  expect(sameData(editor.updates(editorId)[0]!["data"])).toBe(true);

  editor.onRequest("fs/write_text_file", ({ content }) => ({ _meta: { same: sameData(content) } }));
  const written = await agent.acp.request("fs/write_text_file", {
    sessionId: agentId,
    path: join(relay.daemon.kiln, "x"),
    content: data,
  });
  expect(written).toEqual({ _meta: { same: true } });

  function sameData(other: unknown): boolean {
    // Not `toBe`: a difference of 40 MB would be printed.
    return other === data;
  }
});

test("an answer and a request that are too large fail for whoever waits, and the conversation goes on", async () => {
  const { editor, agent } = await relay.pair();
  const { editorId, agentId } = await relay.openSession(editor);
  // One message holds no more than this, whatever is in it.
  const tooMuch = "x".repeat(maxMessageBytes);
  agent.acp.onRequest("session/prompt", () => ({ stopReason: "end_turn", _meta: { tooMuch } }));
  const prompt = [{ type: "text", text: "say too much" }];
  const answer = await editor.sendRequest("session/prompt", { sessionId: editorId, prompt }).answer();
  expect(answer.error).toMatchObject({
    message: expect.stringContaining("an answer of 64.0 MiB was dropped; at most 64.0 MiB are taken"),
    data: { code: "CRU_MESSAGE_TOO_LARGE" },
  });

  const content = { sessionId: agentId, path: "/x", content: tooMuch };
  const written = await agent.acp.sendRequest("fs/write_text_file", content).answer();
  expect(written.error).toMatchObject({
    message: expect.stringContaining("fs/write_text_file of 64.0 MiB was dropped"),
  });

  // From the editor it is refused on its way.
  const sent = await editor
    .sendRequest("session/prompt", { sessionId: editorId, prompt: [{ type: "text", text: tooMuch }] })
    .answer();
  expect(sent.error).toMatchObject({ message: expect.stringContaining("session/prompt of 64.0 MiB was dropped") });

  agent.acp.onRequest("session/prompt", () => ({ stopReason: "end_turn" }));
  expect(await editor.request("session/prompt", { sessionId: editorId, prompt })).toEqual({ stopReason: "end_turn" });
});

async function rawPair(): Promise<{ editor: LinePeer; agent: LinePeer }> {
  const started = relay.stage.nextStream();
  const hello = { door: "editor", agent: "mirror", cwd: relay.daemon.kiln } as const;
  const editor = new LinePeer(await openDoor(relay.daemon.home.socket, hello));
  editor.send({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: 1 } });
  const agent = new LinePeer(await started);
  const { id } = await agent.waitFor({ method: "initialize" });
  agent.send({ jsonrpc: "2.0", id, result: { protocolVersion: 1 } });
  await editor.waitFor({ id: 1 });
  return { editor, agent };
}

async function rawSession(editor: LinePeer, agent: LinePeer): Promise<{ sessionId: string; agentId: string }> {
  const agentId = relay.stage.newSessionId();
  editor.send({ jsonrpc: "2.0", id: 2, method: "session/new", params: { cwd: relay.daemon.kiln, mcpServers: [] } });
  const { id } = await agent.waitFor({ method: "session/new" });
  agent.send({ jsonrpc: "2.0", id, result: { sessionId: agentId } });
  const { result } = await editor.waitFor({ id: 2 });
  return { sessionId: (result as { sessionId: string }).sessionId, agentId };
}

/** Sends `count` messages as fast as the other side takes them. */
function pour(stream: Duplex, message: (number: number) => object): { sent: number } {
  const progress = { sent: 0 };
  const more = (): void => {
    while (progress.sent < count) if (!stream.write(`${JSON.stringify(message(progress.sent++))}\n`)) return;
    stream.off("drain", more);
  };
  stream.on("drain", more);
  more();
  return progress;
}

/** Waits until what a stream has to send has stopped going out for half a second. */
async function heldBack(stream: Duplex): Promise<void> {
  const sent = (): number => (stream as Duplex & { bytesWritten: number }).bytesWritten;
  let last = -1;
  let since = Date.now();
  await until(
    () => {
      if (sent() !== last) [last, since] = [sent(), Date.now()];
      return Date.now() - since > 500;
    },
    { what: "the flood to stop" },
  );
}

function residentMb(): number {
  const status = readFileSync(`/proc/${relay.daemon.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}
