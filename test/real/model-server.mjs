/**
 * A model server for tests: an HTTP server on 127.0.0.1 that speaks OpenAI chat completions, OpenAI Responses,
 * Anthropic Messages and Gemini generateContent. It holds no model: what it answers stands in the prompt
 * (see model/script.mjs). Every request is recorded, so that a test can see what an agent asked for.
 * Run by hand, `node test/real/model-server.mjs [PORT]` serves until it is interrupted and prints each request.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import * as anthropicMessages from "./model/anthropic-messages.mjs";
import * as geminiContent from "./model/gemini-content.mjs";
import { sendJson } from "./model/http-replies.mjs";
import * as openaiChat from "./model/openai-chat.mjs";
import * as openaiResponses from "./model/openai-responses.mjs";
import { nextReply } from "./model/script.mjs";
import { chooseTool } from "./model/tool-choice.mjs";

const dialects = [openaiChat, openaiResponses, anthropicMessages, geminiContent];

/**
 * @typedef {object} Recorded
 * @property {string} path
 * @property {string} [dialect]
 * @property {object} [body]
 * @property {string[]} [tools] names offered, with their namespace
 * @property {import("./model/script.mjs").Reply} [reply]
 * @property {boolean} aborted the client closed the connection before the answer was complete
 */

/**
 * @param {{ port?: number, onRequest?: (recorded: Recorded) => void }} [options]
 * @returns {Promise<{ url: string, requests: Recorded[], close: () => Promise<void> }>}
 */
export async function startModelServer(options = {}) {
  /** @type {Recorded[]} */
  const requests = [];
  const server = createServer((request, response) => void serve(request, response));

  async function serve(request, response) {
    /** @type {Recorded} */
    const recorded = { path: new URL(request.url, "http://localhost").pathname, aborted: false };
    requests.push(recorded);
    response.on("close", () => (recorded.aborted = !response.writableFinished));
    try {
      await answer(request, response, recorded);
    } catch (error) {
      if (!response.headersSent) sendJson(response, 500, { error: { message: String(error.stack) } });
      else response.destroy();
    }
    options.onRequest?.(recorded);
  }

  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** @param {Recorded} recorded */
async function answer(request, response, recorded) {
  let raw = "";
  for await (const chunk of request.setEncoding("utf8")) raw += chunk;
  const { path } = recorded;
  const count = dialects.map((dialect) => dialect.counts?.(path)).find((found) => found !== undefined);
  const dialect = dialects.find((candidate) => candidate.handles(path));
  if (count) return sendJson(response, 200, count);
  if (path.endsWith("/models")) return sendJson(response, 200, { object: "list", data: [], models: [] });
  if (!dialect) return sendJson(response, 404, { error: { message: `the scripted model server has no ${path}` } });

  const body = JSON.parse(raw);
  const conversation = dialect.read(body, path);
  const reply = nextReply(conversation);
  const tools = conversation.tools.map((tool) => (tool.namespace ? `${tool.namespace}/${tool.name}` : tool.name));
  Object.assign(recorded, { dialect: dialect.name, body, tools, reply });
  if (reply.fail) return sendJson(response, reply.fail, { error: { message: "scripted failure", type: "scripted" } });
  await write(response, conversation, reply, dialect.openWriter(response, conversation));
}

/** Text goes out in a few pieces, because agents treat a stream of one chunk differently from a real one. */
async function write(response, conversation, reply, writer) {
  const chosen = reply.calls.map((step) => chooseTool(step, conversation.tools));
  const refusals = chosen.filter((choice) => typeof choice === "string");
  const text = [reply.text, ...refusals, ...(reply.hang ? ["working on it …"] : [])].filter(Boolean).join("\n");
  for (const piece of text.match(/[\s\S]{1,24}/g) ?? []) writer.text(piece);
  if (reply.pauseMs > 0) await sleep(reply.pauseMs);
  if (reply.hang) {
    if (!response.closed) await once(response, "close");
    return;
  }
  for (const choice of chosen) if (typeof choice !== "string") writer.call(choice);
  writer.end();
}

function printRequest({ path, dialect, tools, reply, aborted }) {
  process.stdout.write(`${JSON.stringify({ path, dialect, tools: tools?.length, reply, aborted })}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startModelServer({ port: Number(process.argv[2] ?? 0), onRequest: printRequest });
  process.stdout.write(`listening on ${url}\n`);
}
