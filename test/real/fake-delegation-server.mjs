/**
 * A stand-in for Crucible's MCP server: one tool `delegate_session` that echoes what it is asked to do. It is used to
 * look at an agent alone, without the daemon. Started as a program it serves stdio and appends each call to the file
 * in FAKE_DELEGATION_LOG; `startFakeDelegationHttp` serves the same over loopback HTTP with a bearer token.
 */
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

const input = z.object({
  agent: z.string(),
  task: z.string(),
  context: z.string().optional(),
  description: z.string().optional(),
});

/** @param {(call: object) => void} onCall */
function fakeDelegationServer(onCall) {
  const server = new McpServer({ name: "crucible", version: "0.0.0" });
  const description = "Delegates a task to another agent and returns its result.";
  server.registerTool("delegate_session", { description, inputSchema: input }, (args) => {
    onCall(args);
    return { content: [{ type: "text", text: `ECHO ${args.agent}: ${args.task}` }] };
  });
  return server;
}

/**
 * @param {string} token
 * @returns {Promise<{ url: string, calls: object[], refused: () => number, close: () => Promise<void> }>}
 */
export async function startFakeDelegationHttp(token) {
  const calls = [];
  let refused = 0;
  const handle = toNodeHandler(createMcpHandler(() => fakeDelegationServer((call) => calls.push(call))));
  const server = createServer((request, response) => {
    if (request.headers.authorization === `Bearer ${token}`) {
      void handle(request, response);
      return;
    }
    refused += 1;
    response.writeHead(401).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    calls,
    refused: () => refused,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  serveStdio(() =>
    fakeDelegationServer((call) => appendFileSync(process.env.FAKE_DELEGATION_LOG, `${JSON.stringify(call)}\n`)),
  );
}
