/** Each agent profile: whether its program is there, really starts, speaks ACP, and opens a session without a sign-in. */
import { formatDuration } from "../../base/text.ts";
import type { AgentProfile, Config } from "../../config/config.ts";
import type { AgentReport } from "../../control/agent-report.ts";
import type { Finding } from "../../control/finding.ts";
import { reportAgents, toolsTrialMs } from "../probe.ts";
import { explained, type Examination } from "./examination.ts";

/** Agents that are started at the same time. */
const atOnce = 3;

export async function checkAgents({ config, env, onProgress, signal }: Examination): Promise<Finding[]> {
  if (!config) return [];
  const onStart = (name: string): void => onProgress(`starting ${name} …`);
  let reports: AgentReport[];
  try {
    reports = await reportAgents({ config, env, start: true, openSession: true, atOnce, signal, onStart });
  } catch (error) {
    signal.throwIfAborted();
    const { message, hint = null } = explained(error);
    return [{ check: "agents", subject: "agents", state: "broken", message, remedy: hint }];
  }
  const findings = reports.map((report) => findingOf(report, config));
  if (reports.some(({ path }) => path !== null)) return findings;
  const remedy = "install one of those above, or write a profile of your own";
  return [...findings, { check: "agents", subject: "agents", state: "warning", message: "none is installed", remedy }];
}

function findingOf(report: AgentReport, config: Config): Finding {
  const { name, path, install, problem, probe } = report;
  const finding = { check: "agents", subject: name };
  if (path === null && !isUsed(name, config)) {
    const remedy = install === null ? null : `to use it: ${install}`;
    return { ...finding, state: "ok", message: "not installed, and not used by the configuration", remedy };
  }
  if (problem) {
    const needsLogin = problem.code === "CRU_AGENT_AUTH";
    const { message, hint } = problem;
    return { ...finding, state: needsLogin ? "warning" : "broken", message, remedy: hint };
  }
  const facts = [
    `${probe?.name ?? name} ${probe?.version ?? "of unknown version"}`,
    `starts in ${formatDuration(probe?.milliseconds ?? 0)}${probe && probe.sandbox.mechanism !== "none" ? ` in ${probe.sandbox.mechanism}` : ""}`,
    `takes MCP servers over ${probe?.mcp.join(", ") ?? "stdio"}`,
  ];
  const [missed] = probe?.unreached ?? [];
  if (missed !== undefined) {
    const remedy =
      "name it, or a folder above it, under read or write of [kiln], unless it lies where your sessions work";
    return { ...finding, state: "warning", message: [...facts, missed].join(", "), remedy };
  }
  const tools = probe?.tools;
  if (!tools) return { ...finding, state: "ok", message: facts.join(", "), remedy: null };
  if (tools.reached) {
    const message = [...facts, `Crucible's tools reach it (${tools.over})`].join(", ");
    return { ...finding, state: "ok", message, remedy: null };
  }
  const message = [...facts, `it did not ask for Crucible's tools within ${formatDuration(toolsTrialMs)}`].join(", ");
  // Without them it works for others all the same.
  const state = config.agents.get(name)?.delegation.enabled ? "warning" : "ok";
  return {
    ...finding,
    state,
    message,
    remedy: "it may connect at its first prompt, or only in a folder it trusts: ask it for its tools",
  };
}

/** Whether the configuration has a profile of its own with this name or built on it, or names it. */
function isUsed(name: string, { acp, agents }: Config): boolean {
  const profile = agents.get(name);
  if (profile && isOwn(profile)) return true;
  const isTarget = ({ delegation }: AgentProfile): boolean =>
    delegation.allowedTargets !== "all" && delegation.allowedTargets.includes(name);
  return acp.defaultAgent === name || [...agents.values()].some(isTarget);
}

function isOwn({ install, lineage }: AgentProfile): boolean {
  return install === undefined || lineage.length > 0;
}
