/** The profiles as a table, and below it what is wrong with those that cannot be used. */
import { formatBytes, formatDuration, listed, oneLine, plainText } from "../../base/text.ts";
import type { AgentProbe, AgentReport } from "../../control/agent-report.ts";
import { sandboxWords } from "./sandbox-words.ts";
import type { Style } from "./style.ts";
import { tableLines, type Cell } from "./table.ts";

export function agentsText(reports: readonly AgentReport[], style: Style): string {
  const wasProbed = reports.some(({ probe }) => probe !== null);
  const headings = ["NAME", "FROM", ...(wasProbed ? ["VERSION", "MCP", "START", "MEMORY"] : []), "PROGRAM"];
  const rows = reports.map((report) => row(report, { wasProbed, style }));
  const table = tableLines([headings.map((text) => ({ text, paint: style.dim })), ...rows]);
  const details = reports.flatMap((report) => detailLines(report, style));
  return `${[...table, ...details].join("\n")}\n`;
}

function row(report: AgentReport, { wasProbed, style }: { wasProbed: boolean; style: Style }): Cell[] {
  const { name, from, probe } = report;
  return [
    { text: name, paint: style.bold },
    { text: from },
    ...(wasProbed ? probeCells(probe) : []),
    programCell(report, style),
  ];
}

function probeCells(probe: AgentProbe | null): Cell[] {
  if (!probe) return ["", "", "", ""].map((text) => ({ text }));
  return [
    { text: oneLine(probe.version ?? "?", 20) },
    { text: probe.mcp.join(" ") },
    { text: formatDuration(probe.milliseconds) },
    { text: formatBytes(probe.residentBytes) },
  ];
}

function programCell({ path, foundIn, install, problem }: AgentReport, style: Style): Cell {
  if (path === null) {
    const remedy = install === null ? "" : `; install it: ${install}`;
    return { text: `not found${remedy}`, paint: style.warn };
  }
  const where = foundIn === "PATH" || foundIn === "path" ? "" : ` (${foundIn})`;
  return { text: `${plainText(path)}${where}`, paint: problem ? style.bad : style.good };
}

/** What there is to say of one agent besides its line: what it can do, or why it does not start. */
function detailLines({ name, path, problem, probe }: AgentReport, style: Style): string[] {
  const heading = style.bold(oneLine(name, 100));
  if (probe) return ["", heading, ...abilities(probe).map((line) => `  ${line}`)];
  if (!problem || path === null) return [];
  const hint = problem.hint === null ? [] : [`${style.accent("hint:")} ${plainText(problem.hint)}`];
  const lines = [
    `${style.bad("error:")} ${plainText(problem.message)} ${style.dim(`[${oneLine(problem.code, 60)}]`)}`,
    ...hint,
  ];
  return ["", heading, ...lines.flatMap((text) => text.split("\n")).map((line) => `  ${line}`)];
}

function abilities(probe: AgentProbe): string[] {
  const sessions = [...(probe.loadSession ? ["load"] : []), ...probe.sessionCapabilities];
  const facts: [name: string, values: readonly string[]][] = [
    ["calls itself", probe.name === null ? [] : [probe.name]],
    ["sessions", sessions],
    ["prompts", ["text", ...probe.promptCapabilities]],
    ["signs in with", probe.authMethods],
  ];
  const held = `held by: ${oneLine(sandboxWords(probe.sandbox), 1000)}`;
  const lines = facts.filter(([, values]) => values.length > 0).map(([name, values]) => `${name}: ${wordsOf(values)}`);
  return [...lines, held];
}

function wordsOf(values: readonly string[]): string {
  return listed(
    values.map((value) => oneLine(value, 60)),
    "and",
  );
}
