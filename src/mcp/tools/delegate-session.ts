/** The tool `delegate_session`: has one task, or several at once, done by other agents and waits for the answers. */
import { z } from "zod";
import type { DelegateInput } from "../../delegation/input.ts";
import { reachableTargets } from "../../delegation/policy.ts";
import { wrongArguments } from "../errors.ts";
import { toBatchResult, toToolResult } from "../result-text.ts";
import { runTasks } from "../run-tasks.ts";
import { taskFields, taskInput, toDelegateInput, type TaskInput } from "../task-input.ts";
import { defineTool } from "../tool.ts";

/** Tasks in one call; more is refused, never cut. */
export const maxBatchTasks = 20;

export const delegateSession = defineTool({
  name: "delegate_session",
  title: "Delegate a task to another agent",

  describe(session, { delegations }) {
    const targets = reachableTargets(session, delegations.agentsOf(session));
    const lines = targets.map(({ name, description }) => `- ${name}${description ? `: ${description}` : ""}`);
    return [
      "Hand a self-contained task to another coding agent and get its final answer back.",
      "The other agent works in the same directory with its own tools, and sees nothing of this conversation unless you pass it",
      "on with `context_depth`: put everything it needs into `task` and `context`. It may take minutes; the call returns when the agent is done.",
      "For several independent tasks give them all in `tasks`: they run at the same time.",
      "Agents you can choose:",
      ...lines,
      "- self: a fresh copy of yourself, to keep a piece of work out of this conversation",
    ].join("\n");
  },

  input: z.strictObject({
    ...taskFields,
    tasks: z
      .array(taskInput)
      .min(1)
      .max(maxBatchTasks, `at most ${maxBatchTasks} tasks fit in one call; give the others in another call`)
      .nullish()
      .describe(
        "Several tasks at once, each with these inputs, instead of agent and task. Results come in this order.",
      ),
    background: z
      .boolean()
      .nullish()
      .describe("Return at once with ids, and go on working; wait_delegation brings the results."),
  }),

  async run({ tasks, background, ...single }, call, context) {
    const inputs = tasks ? tasksOf(tasks, single) : [toDelegateInput(single)];
    const results = await runTasks(inputs, call, { context, background: background === true });
    return tasks ? toBatchResult(results) : toToolResult(results[0]!);
  },
});

function tasksOf(tasks: readonly TaskInput[], single: TaskInput): DelegateInput[] {
  const stray = Object.keys(single).filter((field) => (single[field as keyof TaskInput] ?? undefined) !== undefined);
  if (stray.length === 0) return tasks.map(toDelegateInput);
  throw wrongArguments.create(`expected either tasks or a single task, got tasks and ${stray.join(", ")}`, {
    hint: "put what belongs to a task into its entry of tasks",
  });
}
