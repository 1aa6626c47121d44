/**
 * What a caller can say of one task, and what it means to delegation: names in the words of the tool outside, null as good as
 * missing (models send both), the house's own names inside.
 */
import { z } from "zod";
import { contextDepths, contextScopes, defaultRecentTurns } from "../delegation/context.ts";
import { toolSets, type ToolSet } from "../sessions/grant.ts";
import type { Choice, DelegateInput } from "../delegation/input.ts";
import { wrongArguments } from "./errors.ts";

const fallback = z.union([
  z.string().min(1),
  z.strictObject({ agent: z.string().min(1), model: z.string().min(1).nullish() }),
]);

/** Every field may be missing here; `toDelegateInput` says which must not be. */
export const taskFields = {
  agent: z.string().min(1).nullish().describe('Name of the agent to ask, or "self". Required.'),
  task: z
    .string()
    .min(1)
    .nullish()
    .describe("What it shall do, complete in itself: goal, files, limits, and what to report. Required."),
  context: z
    .string()
    .nullish()
    .describe("Facts it needs and cannot find out: errors seen, decisions made, conventions."),
  description: z.string().nullish().describe("A title of a few words, shown to the user."),
  session_id: z
    .string()
    .min(1)
    .nullish()
    .describe(
      "session_id of an earlier result: goes on with that agent, which remembers its work. Then agent may be left out.",
    ),
  model: z.string().min(1).nullish().describe("Model for the agent, by the agent's own name for it."),
  mode: z
    .string()
    .min(1)
    .nullish()
    .describe("Mode for the agent (such as plan or code), by the agent's own name for it."),
  model_role: z.string().min(1).nullish().describe("Instead of model: a role the user has set up, such as fast."),
  fallbacks: z
    .array(fallback)
    .max(10)
    .nullish()
    .describe(
      "Agents to ask, in this order, when the first one cannot start. Those you may not ask are left out, and you are told.",
    ),
  tools: z
    .array(z.enum(toolSets))
    .nullish()
    .describe(
      "What it may do, of: read, write, execute, web, mcp (the user's MCP servers), delegate. All but mcp when missing.",
    ),
  read_only: z.boolean().nullish().describe("Short for tools read and web: it must not change anything."),
  cwd: z.string().min(1).nullish().describe("Directory below yours that it shall work in, and stay in."),
  max_turns: z.number().int().min(1).nullish().describe("Tool calls it may make before it is stopped."),
  timeout_seconds: z.number().positive().nullish().describe("Time it may take before it is stopped."),
  context_depth: z
    .enum(contextDepths)
    .nullish()
    .describe("How much of this conversation it sees: none (default), recent turns, or all of it."),
  context_turns: z
    .number()
    .int()
    .min(0)
    .nullish()
    .describe(`With context_depth recent: how many turns, this one included; ${defaultRecentTurns} by default.`),
  context_scope: z
    .enum(contextScopes)
    .nullish()
    .describe(
      "Of those turns: conversation (what was said, default), agents (and results of delegations), full (and tools).",
    ),
  isolation: z
    .enum(["shared", "worktree"])
    .nullish()
    .describe(
      "shared (default): it works in your files. worktree: in a git worktree of the last commit; its changes come back as a patch.",
    ),
};

const task = z.strictObject(taskFields);

export type TaskInput = z.output<typeof task>;

/** A task of a list. */
export const taskInput = task;

/** Throws CRU_TOOL_ARGUMENTS when something is missing. */
export function toDelegateInput(input: Readonly<TaskInput>): DelegateInput {
  const { agent, task: text, session_id: sessionId } = input;
  if (!text || (!agent && !sessionId)) {
    throw wrongArguments.create(`expected agent and task, got ${text ? "no agent" : "no task"}`, {
      hint: "name the agent and give the whole task as text; for several tasks give only tasks",
    });
  }
  return {
    agent: agent ?? "",
    task: text,
    context: input.context ?? undefined,
    description: input.description ?? undefined,
    sessionId: sessionId ?? undefined,
    model: input.model ?? undefined,
    mode: input.mode ?? undefined,
    modelRole: input.model_role ?? undefined,
    fallbacks: input.fallbacks?.map(toChoice),
    tools: input.read_only === true ? readOnly(input.tools) : (input.tools ?? undefined),
    cwd: input.cwd ?? undefined,
    maxTurns: input.max_turns ?? undefined,
    timeoutSeconds: input.timeout_seconds ?? undefined,
    conversation: {
      depth: input.context_depth ?? "none",
      turns: input.context_turns ?? undefined,
      scope: input.context_scope ?? undefined,
    },
    isolation: input.isolation ?? undefined,
  };
}

/** A pair can be written `agent/model`, too: no name of an agent has a slash, and those of models may. */
function toChoice(one: z.output<typeof fallback>): Choice {
  if (typeof one !== "string") return { agent: one.agent, model: one.model ?? undefined };
  const [, agent = one, model] = /^([^/]+)\/(.+)$/.exec(one) ?? [];
  return { agent, model };
}

function readOnly(tools: readonly ToolSet[] | null | undefined): ToolSet[] {
  const harmless: ToolSet[] = ["read", "web"];
  return harmless.filter((tool) => tools?.includes(tool) ?? true);
}
