/**
 * The first line on the daemon's socket: which door the caller wants and who it is. What follows on the same connection is
 * the door's own protocol: ACP for an editor, MCP for a tool client, JSON-RPC control for the command line.
 * The line is not answered: a refusal is told in the words of the door's protocol.
 */

import type { RpcErrorObject } from "../acp/wire.ts";

/** Raised when the line or a door changes incompatibly; both sides compare it. */
export const socketProtocol = 1;

/** Longest hello accepted, in bytes. */
export const maxHelloBytes = 16 * 1024;

export type Hello =
  /**
   * `crucible acp`: an editor. `agent` undefined = the configured default. `daemonsBefore` is the number of daemons this
   * editor has had already; whoever says it outlives its daemon, and is told when it ends in good order.
   */
  | { door: "editor"; agent: string | undefined; cwd: string; daemonsBefore?: number | undefined }
  /** `crucible mcp` started for one session by the daemon itself: the token is that session's. */
  | { door: "mcp"; token: string }
  /**
   * `crucible mcp --agent NAME` in a terminal: acts as that profile, its kiln is `cwd`. `session` is the id of its session, the
   * same with each daemon it has; whoever says it outlives its daemon, as an editor's bridge does.
   */
  | { door: "mcp"; agent: string | undefined; cwd: string; session?: string | undefined }
  /** Every other command. */
  | { door: "control" };

export interface Greeting {
  protocol: number;
  /** Version of the caller's program. */
  version: string;
  /** What stands in the socket's key file; undefined for a caller that cannot read it. */
  key?: string | undefined;
  hello: Hello;
}

export function formatGreeting(greeting: Greeting): string {
  const { hello, ...rest } = greeting;
  return `${JSON.stringify({ crucible: { ...rest, ...hello } })}\n`;
}

/** Undefined when the line is not a greeting at all. */
export function parseGreeting(line: string): Greeting | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const fields = record(record(value)?.["crucible"]);
  const protocol = fields?.["protocol"];
  if (!fields || typeof protocol !== "number") return undefined;
  const hello = parseHello(fields);
  return hello && { protocol, version: text(fields["version"]) ?? "unknown", key: text(fields["key"]), hello };
}

function parseHello(fields: Record<string, unknown>): Hello | undefined {
  const agent = text(fields["agent"]);
  const cwd = text(fields["cwd"]);
  const token = text(fields["token"]);
  switch (fields["door"]) {
    case "control":
      return { door: "control" };
    case "editor":
      return cwd === undefined
        ? undefined
        : { door: "editor", agent, cwd, daemonsBefore: count(fields["daemonsBefore"]) };
    case "mcp":
      if (token !== undefined) return { door: "mcp", token };
      return cwd === undefined ? undefined : { door: "mcp", agent, cwd, session: text(fields["session"]) };
    default:
      return undefined;
  }
}

/** Whether a caller outlives its daemon. Such a one is told the daemon's own words, in lines that are no part of its protocol. */
export function outlivesDaemon(hello: Hello): boolean {
  return hello.door === "editor"
    ? hello.daemonsBefore !== undefined
    : "session" in hello && hello.session !== undefined;
}

/** The daemon's last line to a caller that outlives it: somebody asked it to end. */
export const farewell = `${JSON.stringify({ crucible: { ending: true } })}\n`;

/** How every line of the daemon's own begins. */
export const ownLineBeginning = '{"crucible":';

export function isFarewell(line: Buffer): boolean {
  return line.toString("utf8") === farewell;
}

/** The daemon's first line to a caller that it does not take, for this reason. */
export function refusalLine(error: RpcErrorObject): string {
  return `${JSON.stringify({ crucible: { refused: error } })}\n`;
}

/** Why the daemon does not take a caller, where the line says that. */
export function refusalIn(line: Buffer): RpcErrorObject | undefined {
  if (line.toString("utf8", 0, ownLineBeginning.length) !== ownLineBeginning) return undefined;
  const refused = record(record(record(JSON.parse(line.toString("utf8")))?.["crucible"])?.["refused"]);
  return refused as RpcErrorObject | undefined;
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
