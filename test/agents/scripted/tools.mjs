/**
 * The MCP client of the scripted agent: one connection to the server named "crucible" of a session, over HTTP or stdio as it
 * was given. Loaded at the first use, because the SDK takes longer to load than the whole agent to start.
 */

export const serverName = "crucible";

// The longest a timer can be set to: a delegation takes as long as it takes.
const noTimeoutMs = 2 ** 31 - 1;

const eras = {
  2025: { supportedProtocolVersions: ["2025-11-25", "2025-06-18"] },
  "2025-06-18": { supportedProtocolVersions: ["2025-06-18"] },
  "2025-11-25": { supportedProtocolVersions: ["2025-11-25"] },
  2026: { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  "2026-07-28": { versionNegotiation: { mode: { pin: "2026-07-28" } } },
};

export async function connectTools(session, options) {
  const server = session.mcpServers.find(({ name }) => name === serverName);
  if (!server)
    throw new Error(`no MCP server named ${serverName} among [${session.mcpServers.map(({ name }) => name)}]`);
  const { Client } = await import("@modelcontextprotocol/client");
  const client = new Client({ name: options.name, version: "1.0.0" }, eras[options.mcpEra]);
  await client.connect(await transportTo(server, session.cwd), { timeout: noTimeoutMs });

  return {
    /** `onProgress` gets what the server reports; `result` is the whole tool result. */
    call: (name, args, { signal, onProgress }) =>
      client.callTool(
        { name, arguments: args },
        { signal, onprogress: onProgress, timeout: noTimeoutMs, resetTimeoutOnProgress: true },
      ),
    list: async () => (await client.listTools()).tools,
    version: () => client.getNegotiatedProtocolVersion?.(),
    close: () => client.close(),
  };
}

async function transportTo(server, cwd) {
  if (server.type === "http") {
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
    const headers = Object.fromEntries(server.headers.map(({ name, value }) => [name, value]));
    return new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } });
  }
  const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
  const env = { ...process.env, ...Object.fromEntries(server.env.map(({ name, value }) => [name, value])) };
  return new StdioClientTransport({ command: server.command, args: server.args, env, cwd });
}
