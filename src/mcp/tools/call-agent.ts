/** The tools `call_NAME`: agents as tools, one for each target, for models that choose better among tools than among names. */
import { z } from "zod";
import type { AgentProfile } from "../../config/config.ts";
import { reachableTargets } from "../../delegation/policy.ts";
import type { Session } from "../../sessions/session.ts";
import { toToolResult } from "../result-text.ts";
import { runTasks } from "../run-tasks.ts";
import { defineTool, type Tool, type ToolContext } from "../tool.ts";

/** The tools of a session, one for each agent it may delegate to now. */
export function callTools(session: Session, context: ToolContext): Tool[] {
  const reachable = new Set(reachableTargets(session, context.delegations.agentsOf(session)));
  return named(session, context).flatMap(([name, profile]) =>
    reachable.has(profile) ? [callTool(name, profile)] : [],
  );
}

/** One for each agent there is. */
export function allCallTools(session: Session, context: ToolContext): Tool[] {
  return named(session, context).map(([name, profile]) => callTool(name, profile));
}

/** Agents by the names of their tools, which are counted where two agents would get the same. */
function named(session: Session, { delegations }: ToolContext): [string, AgentProfile][] {
  const tools = new Map<string, AgentProfile>();
  for (const profile of delegations.agentsOf(session).agents.values()) {
    const name = `call_${profile.name.toLowerCase().replace(/[^a-z0-9_]/g, "_")}`;
    let free = name;
    for (let number = 2; tools.has(free); number++) free = `${name}_${number}`;
    tools.set(free, profile);
  }
  return [...tools];
}

function callTool(name: string, profile: AgentProfile): Tool {
  return defineTool({
    name,
    title: `Ask ${profile.name}`,
    describe: () =>
      `Have the agent ${profile.name} do a task and get its final answer. ${profile.description} It works in the same ` +
      "directory and sees nothing of this conversation: say all it needs. Call several at once when tasks are independent.",
    input: z.strictObject({
      message: z.string().min(1).describe("The task, complete in itself: goal, facts, limits, and what to report."),
    }),
    async run({ message }, call, context) {
      const [result] = await runTasks([{ agent: profile.name, task: message }], call, { context, background: false });
      return toToolResult(result!);
    },
  });
}
