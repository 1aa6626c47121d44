/** Live sessions as a table whose first column is the tree: who works for whom. */
import { formatBytes, formatDuration, oneLine } from "../../base/text.ts";
import type { SessionNode } from "../../control/methods.ts";
import type { Style } from "./style.ts";
import { tableLines, type Cell } from "./table.ts";

const maxTitleLength = 50;
const headings = ["AGENT", "STATE", "TASK", "AGE", "TOOLS", "PID", "MEMORY", "SANDBOX", "SESSION", "DIRECTORY"];

export function sessionTreeText(roots: readonly SessionNode[], context: { now: number; style: Style }): string {
  const heading = headings.map((text) => ({ text, paint: context.style.dim }));
  const rows = roots.flatMap((root) => rowsOf(root, { first: "", below: "" }, context));
  return `${tableLines([heading, ...rows]).join("\n")}\n`;
}

interface Branch {
  /** What stands before the node itself, and before all that is below it. */
  first: string;
  below: string;
}

function rowsOf(node: SessionNode, branch: Branch, context: { now: number; style: Style }): Cell[][] {
  const children = node.children.flatMap((child, index) => {
    const isLast = index === node.children.length - 1;
    const first = `${branch.below}${isLast ? "└─ " : "├─ "}`;
    return rowsOf(child, { first, below: `${branch.below}${isLast ? "   " : "│  "}` }, context);
  });
  return [row(node, branch.first, context), ...children];
}

function row(node: SessionNode, branch: string, { now, style }: { now: number; style: Style }): Cell[] {
  const { delegation, pid, residentBytes } = node;
  return [
    { text: branch + oneLine(node.agent, maxTitleLength), paint: style.bold },
    { text: node.state, paint: node.state === "working" ? style.good : style.dim },
    { text: delegation ? oneLine(delegation.title ?? "", maxTitleLength) : `(${node.origin})` },
    { text: formatDuration(now - node.startedAt) },
    { text: delegation ? String(delegation.toolCalls) : "" },
    { text: pid === null ? "" : String(pid) },
    { text: residentBytes === null ? "" : formatBytes(residentBytes) },
    sandboxCell(node, style),
    { text: node.sessionId ?? "", paint: style.dim },
    { text: oneLine(node.cwd, 200), paint: style.dim },
  ];
}

/** What holds an agent, and how well where that is not fully. */
function sandboxCell({ sandbox }: SessionNode, style: Style): Cell {
  if (!sandbox) return { text: "" };
  const { mechanism, strength } = sandbox;
  if (strength === "full") return { text: mechanism, paint: style.good };
  return { text: mechanism === "none" ? strength : `${mechanism}, ${strength}`, paint: style.dim };
}
