/** The kinds of tool calls (ACP, "Tool Calls"), and what each belongs to of what a session may do. */
import type { ToolSet } from "../sessions/grant.ts";

/** The kinds rules speak of. `mcp` is not ACP's: there a tool of an MCP server has any kind, `other` mostly. */
export const toolKinds = ["read", "edit", "delete", "move", "search", "execute", "fetch", "mcp", "other"] as const;

export type ToolKind = (typeof toolKinds)[number];

/** Kinds whose tool calls are about files. */
export type PathKind = "read" | "edit" | "delete" | "move" | "search";

const pathKinds: ReadonlySet<string> = new Set<PathKind>(["read", "edit", "delete", "move", "search"]);

export function isPathKind(kind: string): kind is PathKind {
  return pathKinds.has(kind);
}

const toolSetOfKind: Readonly<Record<string, ToolSet>> = {
  read: "read",
  search: "read",
  think: "read",
  edit: "write",
  delete: "write",
  move: "write",
  execute: "execute",
  fetch: "web",
};

/** What this kind of tool call needs and the session was not given; undefined when it was. A kind nobody knows counts as MCP. */
export function missingToolSet(kind: string, granted: ReadonlySet<ToolSet>): ToolSet | undefined {
  const needed = toolSetOfKind[kind] ?? "mcp";
  return granted.has(needed) ? undefined : needed;
}
