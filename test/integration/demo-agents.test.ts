/** The demo agents as programs of their own, before any daemon is between them. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createDemoKiln } from "../../src/demo/kiln.ts";
import { demoDelegations, demoTask } from "../../src/demo/tasks.ts";
import { spawnAcpClient, type AcpClient } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";

function demoAgent(name: "planner" | "worker"): AcpClient {
  const program = join(import.meta.dirname, `../../dist/demo/${name}.js`);
  return spawnAcpClient({ command: process.execPath, args: [program], env: process.env });
}

test("the worker reads the notes of its folder and writes the file that its task names", async () => {
  await using kiln = await createDemoKiln();
  await using worker = demoAgent("worker");
  await worker.initialize();
  for (const { task, file } of demoDelegations) {
    const session = await worker.newSession(kiln.folder);
    const turn = await worker.prompt(session, task);
    expect(turn.stopReason).toBe("end_turn");
    expect(turn.text).toMatch(
      new RegExp(
        `Done: read firing.md, glazes.md, market.md and wrote ${file}\\.\nFound: .*\nChanged: ${file} \\(new\\)\\.\nOpen: `,
      ),
    );
    const written = await readFile(join(kiln.folder, file), "utf8");
    const diff = turn.updates.find(
      ({ toolCallId, status }) => toolCallId === `write-${file}` && status === "completed",
    );
    expect(diff?.content).toEqual([{ type: "diff", path: join(kiln.folder, file), oldText: null, newText: written }]);
  }
  expect(await readFile(join(kiln.folder, "todo.md"), "utf8")).toContain(
    "- [ ] ask the neighbour for the long table, market.md:9",
  );
});

test("the worker goes through the client's file system where the client has one", async () => {
  await using kiln = await createDemoKiln();
  await using worker = demoAgent("worker");
  const asked: string[] = [];
  worker.onRequest("fs/read_text_file", async ({ path }) => {
    asked.push(`read ${String(path)}`);
    return { content: await readFile(String(path), "utf8") };
  });
  worker.onRequest("fs/write_text_file", async ({ path, content }) => {
    asked.push(`write ${String(path)}`);
    await writeFile(String(path), String(content));
    return {};
  });
  await worker.initialize({ fs: { readTextFile: true, writeTextFile: true } });
  await worker.prompt(await worker.newSession(kiln.folder), "Write todo.md");
  expect(asked).toEqual([
    ...kiln.notes.map((name) => `read ${join(kiln.folder, name)}`),
    `write ${join(kiln.folder, "todo.md")}`,
  ]);
});

test("the planner asks for both tasks at the same time and quotes both answers", async () => {
  await using server = await toolServer();
  await using planner = demoAgent("planner");
  await planner.initialize();
  const session = await planner.newSession("/", { mcpServers: [server.entry] });
  const prompt = planner.sendRequest("session/prompt", {
    sessionId: session,
    prompt: [{ type: "text", text: demoTask }],
  });
  // Neither call is answered before both have come.
  const calls = await until(() => server.calls.length === 2 && server.calls, { what: "two calls" });
  expect(calls.map(({ body }) => body.params?.arguments)).toEqual(
    demoDelegations.map(({ task, title }) => ({ agent: "demo-worker", task, description: title })),
  );
  calls[0]?.answer({ structuredContent: { result: "counted\nwell" } });
  calls[1]?.answer({ isError: true, content: [{ type: "text", text: "it exploded" }] });
  expect((await prompt.answer()).result).toEqual({ stopReason: "end_turn" });
  expect(planner.text(session)).toContain(
    "1 of 2 agents failed.\n\nMeasure the notes:\n> counted\n> well\n\nCollect what is to do:\n> it exploded",
  );
  const states = planner.updates(session).filter(({ toolCallId }) => toolCallId === "delegate-todo.md");
  expect(states.map(({ status }) => status)).toEqual(["in_progress", "failed"]);
  const plans = planner.updates(session).filter(({ sessionUpdate }) => sessionUpdate === "plan");
  expect(plans.at(-1)?.["entries"]).toHaveLength(3);
});

test("cancelling the planner cancels its calls", async () => {
  await using server = await toolServer();
  await using planner = demoAgent("planner");
  await planner.initialize();
  const session = await planner.newSession("/", { mcpServers: [server.entry] });
  const prompt = planner.sendRequest("session/prompt", {
    sessionId: session,
    prompt: [{ type: "text", text: demoTask }],
  });
  await until(() => server.calls.length === 2, { what: "two calls" });
  planner.cancel(session);
  expect((await prompt.answer()).result).toEqual({ stopReason: "cancelled" });
  await until(() => server.cancelled.length === 2, { what: "two cancel notifications" });
  expect(new Set(server.cancelled)).toEqual(new Set(server.calls.map(({ body }) => body.id)));
});

test("a planner without tools says so", async () => {
  await using planner = demoAgent("planner");
  await planner.initialize();
  expect((await planner.prompt(await planner.newSession("/"), demoTask)).text).toContain("no tools for that");
});

interface RpcBody {
  id?: number;
  method: string;
  params?: { arguments?: unknown; requestId?: number };
}

/** A tool server over HTTP that answers calls, in an event stream, when the test says so. */
async function toolServer() {
  const calls: { body: RpcBody; answer(result: unknown): void }[] = [];
  const cancelled: unknown[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      if (request.headers.authorization !== "Bearer token") return response.writeHead(401).end();
      if (body?.method === "notifications/cancelled") cancelled.push(body.params?.requestId);
      if (body?.id === undefined) return response.writeHead(202).end();
      if (body.method === "initialize") {
        response.writeHead(200, { "content-type": "application/json", "mcp-session-id": "s" });
        return response.end(JSON.stringify({ jsonrpc: "2.0", id: body.id, result: { protocolVersion: "2025-11-25" } }));
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(
        `event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress",\ndata: "params":{}}\n\n`,
      );
      const answer = (result: unknown): void => {
        response.end(`data: ${JSON.stringify({ jsonrpc: "2.0", id: body.id, result })}\n\n`);
      };
      return calls.push({ body, answer });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const headers = [{ name: "Authorization", value: "Bearer token" }];
  return {
    calls,
    cancelled,
    entry: { type: "http", name: "crucible", url: `http://127.0.0.1:${port}/mcp`, headers },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readBody(request: IncomingMessage): Promise<RpcBody | undefined> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? undefined : (JSON.parse(text) as RpcBody);
}
