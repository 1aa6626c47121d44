/** What `crucible agents` tells of a profile: found by the daemon room, printed by the command line. Shapes only. */
import type { ShownSandbox } from "./stored.ts";

export interface AgentReport {
  name: string;
  /** `built-in`, `extends NAME`, or `own`. */
  from: string;
  /** Absolute path of the program; null when it is not found. */
  path: string | null;
  /** Where it was found: path, PATH, login PATH, usual place, npx. */
  foundIn: string | null;
  install: string | null;
  description: string;
  problem: { code: string; message: string; hint: string | null } | null;
  /** Null when the agent was not asked. */
  probe: AgentProbe | null;
}

export interface AgentProbe {
  /** As the agent names itself. */
  name: string | null;
  version: string | null;
  protocolVersion: number | null;
  loadSession: boolean;
  sessionCapabilities: string[];
  promptCapabilities: string[];
  /** How it takes MCP servers. Every agent must take stdio (ACP, "Session Setup"). */
  mcp: ("stdio" | "http" | "sse")[];
  authMethods: string[];
  /** Whether it asks for Crucible's tools once it has a session, and over what; null when that was not tried. */
  tools: { over: "http" | "stdio"; reached: boolean; milliseconds: number } | null;
  /** What its profile tells it to use and it did not find in its sandbox, each a sentence without its end. */
  unreached: readonly string[];
  /** What held it, as it would hold a child. */
  sandbox: ShownSandbox;
  /** From the start of the process to the answer to `initialize`. */
  milliseconds: number;
  /** Of the whole process tree, right after that answer. */
  residentBytes: number;
}
