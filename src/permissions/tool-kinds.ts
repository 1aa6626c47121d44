/** What a tool call's kind (ACP, "Tool Calls") belongs to of what a session may do. */
import { isRecord } from "../acp/wire.ts";
import type { ToolSet } from "../sessions/grant.ts";

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

/** What a permission question asks for and the session was not given; undefined when it was. A kind nobody knows counts as MCP. */
export function missingToolSet(question: unknown, granted: ReadonlySet<ToolSet>): ToolSet | undefined {
  const toolCall = isRecord(question) ? question["toolCall"] : undefined;
  const kind = isRecord(toolCall) && typeof toolCall["kind"] === "string" ? toolCall["kind"] : "other";
  const needed = toolSetOfKind[kind] ?? "mcp";
  return granted.has(needed) ? undefined : needed;
}
