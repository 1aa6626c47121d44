/** The scripted agent is what other tests are built on, so what it promises is tested like anything else. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { spawnAcpClient, type AcpClient } from "../../support/acp-client.ts";

const program = join(import.meta.dirname, "../../agents/scripted.mjs");
let folder: string;

beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "cru-scripted-"))));
afterAll(() => rm(folder, { recursive: true }));

function scripted(...flags: string[]): AcpClient {
  return spawnAcpClient({ command: process.execPath, args: [program, ...flags], cwd: folder, env: process.env });
}

test("runs the directives of a prompt in order and ignores other lines", async () => {
  await using agent = scripted();
  await agent.initialize();
  const session = await agent.newSession(folder);
  const turn = await agent.prompt(
    session,
    'Please:\nsay one\nThen say nothing more.\nsay "two\\nlines"\nstop refusal\nsay no',
  );
  expect(turn).toMatchObject({ stopReason: "refusal", text: "one\ntwo\nlines" });
  expect((await agent.prompt(session, "Hello")).text).toBe("echo: Hello");
});

test("floods in order", async () => {
  await using agent = scripted();
  const session = await agent.newSession(folder);
  const { updates } = await agent.prompt(session, "flood 5000 40");
  expect(updates.map(({ content }) => Number.parseInt(content?.text ?? "", 10))).toEqual(
    Array.from({ length: 5000 }, (_, i) => i),
  );
  expect(updates[4000]?.content?.text).toHaveLength(40);
});

test("hangs until it is cancelled, and hears a cancel in a flood", async () => {
  await using agent = scripted();
  const session = await agent.newSession(folder);
  for (const script of ["say up\nhang", "say up\nflood 100000000", "say up\nwait-for never"]) {
    const before = agent.received.length;
    const prompt = agent.sendRequest("session/prompt", {
      sessionId: session,
      prompt: [{ type: "text", text: script }],
    });
    await agent.waitFor((message) => message.method === "session/update" && agent.received.length > before);
    agent.cancel(session);
    expect((await prompt.answer()).result).toEqual({ stopReason: "cancelled" });
  }
});

test("asks the client and says what it answered", async () => {
  await using agent = scripted();
  agent.onRequest("fs/read_text_file", ({ path }) => ({ content: `content of ${String(path)}` }));
  agent.onRequest("session/request_permission", () => ({ outcome: { outcome: "selected", optionId: "allow" } }));
  const session = await agent.newSession("/kiln");
  expect((await agent.prompt(session, "read a.txt")).text).toBe("content of /kiln/a.txt");
  expect(JSON.parse((await agent.prompt(session, "ask")).text)).toEqual({ outcome: "selected", optionId: "allow" });
  expect(JSON.parse((await agent.prompt(session, "write a.txt x")).text)).toMatchObject({ error: { code: -32601 } });
});

test("replays a conversation from its memory file after a restart", async () => {
  const memory = join(folder, "memory.json");
  let session: string;
  {
    await using agent = scripted("--memory", memory);
    session = await agent.newSession(folder);
    await agent.prompt(session, "say remembered");
  }
  await using again = scripted("--memory", memory);
  await again.request("session/load", { sessionId: session, cwd: folder, mcpServers: [] });
  expect(again.updates(session).map((update) => update.content?.text)).toEqual(["say remembered", "remembered"]);
  expect(await again.newSession(folder)).not.toBe(session);
});

test("writes down what it receives", async () => {
  const log = join(folder, "log.jsonl");
  await using agent = scripted("--log", log);
  await agent.initialize({ fs: { readTextFile: true } });
  const [line] = (await readFile(log, "utf8")).split("\n");
  expect(JSON.parse(line ?? "")).toEqual(agent.sent[0]);
});

test("a stray line on its stdout fails the client that reads it", async () => {
  const agent = scripted("--banner", "Welcome!");
  await expect(agent.initialize()).rejects.toThrow(/expected lines of JSON-RPC 2\.0, got "Welcome!"/);
  await expect(agent.end()).rejects.toThrow(/Welcome!/);
});

test("a program that ends before it answers is told with its last words", async () => {
  const agent = scripted("--exit-at", "initialize", "--exit-code", "7");
  await expect(agent.initialize()).rejects.toThrow(/closed before the answer to initialize[\s\S]*told to exit/);
  expect(await agent.exited()).toEqual({ code: 7, signal: null });
});
