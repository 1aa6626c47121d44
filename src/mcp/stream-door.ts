/**
 * The tools over a byte stream (MCP, "stdio"): what `crucible mcp` pipes between an agent and the daemon's socket.
 */
import type { Duplex } from "node:stream";
import type { Server } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { maxBodyBytes } from "./json-body.ts";

/** Serves one connection until it closes. `createServer` makes a fresh server of the same session each time it is called. */
export function serveStream(
  stream: Duplex,
  createServer: () => Server,
  onError: (error: Error) => void,
): Promise<void> {
  const transport = new StdioServerTransport(stream, stream, { maxBufferSize: maxBodyBytes });
  const handle = serveStdio(createServer, {
    transport,
    onerror: onError,
  });
  stream.once("end", () => stream.end());
  return new Promise((resolve) => {
    stream.once("close", () => {
      handle.close().then(resolve, resolve);
    });
  });
}
