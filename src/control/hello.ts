/**
 * The first line on the daemon's socket: which door the caller wants and who it is. What follows on the same connection is
 * the door's own protocol: ACP for an editor, MCP for a tool client, JSON-RPC control for the command line.
 * The line is not answered: a refusal is told in the words of the door's protocol.
 */

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
  /** `crucible mcp --agent NAME` in a terminal: acts as that profile, its kiln is `cwd`. */
  | { door: "mcp"; agent: string | undefined; cwd: string }
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
      return cwd === undefined ? undefined : { door: "mcp", agent, cwd };
    default:
      return undefined;
  }
}

/** The daemon's last line to an editor whose bridge outlives it: somebody asked it to end. No part of ACP, so never passed on. */
export const farewell = `${JSON.stringify({ crucible: { ending: true } })}\n`;

/** How every line of the daemon's own begins. */
export const ownLineBeginning = '{"crucible":';

export function isFarewell(line: Buffer): boolean {
  return line.toString("utf8") === farewell;
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
