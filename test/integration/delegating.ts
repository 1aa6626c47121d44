/**
 * The words in which tests have a scripted parent delegate to scripted children: an editor's session on the parent, its tools
 * spoken to directly, and what must be over when a test is.
 */
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport, type ClientOptions } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { connectControl, type ControlClient } from "../../src/control/client.ts";
import type { SessionNode } from "../../src/control/methods.ts";
import type { AcpClient, Turn } from "../support/acp-client.ts";
import { patienceMs, until } from "../support/conditions.ts";
import type { TestDaemon } from "../support/daemon.ts";

/** Rules that allow everything these tests do unless they are about that rule. */
export const mayDelegate = "enabled = true";

/** What `delegate_session` is called with. */
export interface Call {
  agent: string;
  task: string;
  context?: string;
  description?: string;
  cwd?: string;
  tools?: readonly string[];
}

/** The line of a prompt that makes the scripted agent call `delegate_session`. */
export function delegateLine(call: Call): string {
  return `delegate ${JSON.stringify(call)}`;
}

/** A task of several directives. */
export function script(...lines: string[]): string {
  return lines.join("\n");
}

/** What a child answered that had itself delegated. */
export function nested(result: DelegationResult): DelegationResult {
  return JSON.parse(result.result) as DelegationResult;
}

/** An entry of `mcpServers` as an agent receives it (ACP, "Session Setup"). */
export type ToolServer =
  | { type: "http"; name: string; url: string; headers: { name: string; value: string }[] }
  | { type?: "stdio"; name: string; command: string; args: string[]; env: { name: string; value: string }[] };

/** An editor with one session on a parent that may delegate; closed at the end of the test. */
export class Parent implements AsyncDisposable {
  readonly editor: AcpClient;
  readonly session: string;

  constructor(editor: AcpClient, session: string) {
    this.editor = editor;
    this.session = session;
  }

  prompt(text: string): Promise<Turn> {
    return this.editor.prompt(this.session, text);
  }

  /** Sends a prompt and does not wait for its end. */
  startTurn(text: string): ReturnType<AcpClient["sendRequest"]> {
    return this.editor.sendRequest("session/prompt", {
      sessionId: this.session,
      prompt: [{ type: "text", text }],
    });
  }

  /** One delegation by the agent itself, through its MCP client. */
  async delegate(call: Call): Promise<DelegationResult> {
    return JSON.parse((await this.prompt(delegateLine(call))).text) as DelegationResult;
  }

  /** Several at once, in one turn. */
  async delegateAll(calls: readonly Call[]): Promise<DelegationResult[]> {
    const { text } = await this.prompt(`delegates ${JSON.stringify(calls)}`);
    return JSON.parse(text) as DelegationResult[];
  }

  /** The MCP servers its agent was given. */
  async servers(): Promise<ToolServer[]> {
    return JSON.parse((await this.prompt("mcp-servers")).text) as ToolServer[];
  }

  /** The tools of this session, spoken to by the test in the agent's place. */
  async tools(options: ClientOptions = {}): Promise<Client> {
    const server = (await this.servers()).find(({ name }) => name === "crucible");
    if (!server) throw new Error("the session was given no server named crucible");
    return connectTools(server, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.editor.end();
  }
}

/** Opens an editor and a session in the daemon's kiln. */
export async function openParent(
  daemon: TestDaemon,
  agent: string,
  { cwd = daemon.kiln, capabilities = {} }: { cwd?: string; capabilities?: Record<string, unknown> } = {},
): Promise<Parent> {
  // A daemon that has crashed must show, and not be replaced.
  const editor = daemon.editor(agent, { args: ["--no-autostart"] });
  await editor.initialize(capabilities);
  return new Parent(editor, await editor.newSession(cwd));
}

/** Speaks to a server as an agent would; one over stdio is started in `cwd`. */
export async function connectTools(
  server: ToolServer,
  options: ClientOptions & { cwd?: string } = {},
): Promise<Client> {
  const { cwd, ...clientOptions } = options;
  const client = new Client({ name: "test", version: "1.0.0" }, clientOptions);
  await client.connect(transportTo(server, cwd));
  return client;
}

function transportTo(
  server: ToolServer,
  cwd: string | undefined,
): StreamableHTTPClientTransport | StdioClientTransport {
  if (server.type === "http") {
    const headers = Object.fromEntries(server.headers.map(({ name, value }) => [name, value]));
    return new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } });
  }
  const { command, args, env } = server;
  return new StdioClientTransport({
    command,
    args,
    env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
    ...(cwd === undefined ? {} : { cwd }),
    stderr: "ignore",
  });
}

/** `crucible mcp --agent NAME` as somebody's MCP server, working in the daemon's kiln. */
export function mcpCommand(daemon: TestDaemon, agent: string, options: ClientOptions = {}): Promise<Client> {
  const env = Object.entries(daemon.home.env).map(([name, value]) => ({ name, value }));
  const args = [crucibleProgram, "mcp", "--agent", agent, "--no-autostart", ...daemon.home.place];
  return connectTools({ name: "crucible", command: process.execPath, args, env }, { ...options, cwd: daemon.kiln });
}

const crucibleProgram = join(import.meta.dirname, "../../bin/crucible.js");

/** Negotiation of the MCP client for each era; the parent of today's and of last year's clients. */
export const mcpEras: Readonly<Record<string, ClientOptions>> = {
  "2025-06-18": { supportedProtocolVersions: ["2025-06-18"] },
  "2025-11-25": { supportedProtocolVersions: ["2025-11-25"] },
  "2026-07-28": { versionNegotiation: { mode: { pin: "2026-07-28" } } },
};

/** Calls `delegate_session` and gives the whole tool result, with its structured content typed. */
export async function callDelegate(
  tools: Client,
  call: Call,
  options: Parameters<Client["callTool"]>[1] = {},
): Promise<{ text: string; isError: boolean; result: DelegationResult }> {
  const answer = await tools.callTool({ name: "delegate_session", arguments: { ...call } }, options);
  const [block] = answer.content;
  return {
    text: block?.type === "text" ? block.text : "",
    isError: answer.isError === true,
    result: answer.structuredContent as DelegationResult,
  };
}

/** The daemon's control door, for what only `crucible ps` and `crucible delegate` can see or do. */
export function control(daemon: TestDaemon): Promise<ControlClient> {
  return connectControl(daemon.home.socket);
}

/** All sessions of the daemon, those of children too. */
export async function allSessions(daemon: TestDaemon): Promise<SessionNode[]> {
  using door = await control(daemon);
  const { roots } = await door.request("ps", {});
  const flat = (nodes: SessionNode[]): SessionNode[] => nodes.flatMap((node) => [node, ...flat(node.children)]);
  return flat(roots);
}

/** Waits until a child of this profile works, and gives its process. */
export function pidOfWorking(daemon: TestDaemon, agent: string): Promise<number> {
  return until(
    async () => {
      const node = (await allSessions(daemon)).find((one) => one.agent === agent && one.state === "working");
      return node?.pid ?? undefined;
    },
    { what: `${agent} to work` },
  );
}

/** Waits until no agent runs any more, the daemon itself is all that is alive, and it met no mistake of its own. */
export async function assertIdle(daemon: TestDaemon, { timeoutMs = patienceMs } = {}): Promise<void> {
  let others: number[] = [];
  let counted = "";
  const nothing = JSON.stringify({ sessions: 0, agents: 0, delegations: { running: 0, queued: 0 } });
  const isIdle = async (): Promise<boolean> => {
    others = daemon.home.processes().filter((pid) => pid !== daemon.pid);
    using door = await control(daemon);
    const { sessions, agents, delegations } = await door.request("status", {});
    counted = JSON.stringify({ sessions, agents, delegations });
    return others.length === 0 && counted === nothing;
  };
  await until(isIdle, { timeoutMs }).catch(() => {
    throw new Error(`after ${timeoutMs} ms the daemon counts ${counted}, and alive are [${others.join(", ")}]`);
  });
  const bugs = daemon.stderr.split("\n").filter((line) => line.includes('"event":"bug"'));
  if (bugs.length > 0) throw new Error(`the daemon logged mistakes of its own:\n${bugs.join("\n")}`);
}

/** The end of a file's daemon: closes what is open on it and proves that nothing is left; the daemon ends whatever turns up. */
export async function endOf(daemon: TestDaemon, open: Iterable<Parent | Client> = []): Promise<void> {
  try {
    await Promise.all([...open].map((one) => (one instanceof Client ? one.close() : one[Symbol.asyncDispose]())));
    await assertIdle(daemon);
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
}

/** Waits until the parents are all that runs: no child is left, and no process of one. */
export async function assertNoChildren(daemon: TestDaemon, { timeoutMs = patienceMs } = {}): Promise<void> {
  let state = "";
  const isOver = async (): Promise<boolean> => {
    using door = await control(daemon);
    const [{ agents, delegations }, sessions] = [await door.request("status", {}), await allSessions(daemon)];
    const children = sessions.filter(({ depth }) => depth > 0);
    const parents = new Set(sessions.filter(({ depth }) => depth === 0).flatMap(({ pid }) => pid ?? []));
    state = JSON.stringify({ agents, delegations, children });
    return children.length === 0 && agents === parents.size && delegations.running + delegations.queued === 0;
  };
  await until(isOver, { timeoutMs }).catch(() => {
    throw new Error(`after ${timeoutMs} ms there still is ${state}`);
  });
}

/** A file in the kiln; tests and agents make them to tell each other how far they are. */
export function inKiln(daemon: TestDaemon, name: string): string {
  return join(daemon.kiln, name);
}
