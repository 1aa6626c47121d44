/** The tools for agents made at run time: create_agent, delegate_to, delete_agent, list_agents, list_primitives. */
import { z } from "zod";
import { decide, reachableTargets } from "../../delegation/policy.ts";
import { isDynamic } from "../../delegation/dynamic-agents.ts";
import { toolSets, type ToolSet } from "../../sessions/grant.ts";
import { toToolResult } from "../result-text.ts";
import { runTasks } from "../run-tasks.ts";
import { defineTool, type Tool } from "../tool.ts";

const primitives: Readonly<Record<ToolSet, string>> = {
  read: "read and search files",
  write: "create, change, move and delete files",
  execute: "run commands",
  web: "fetch from the web",
  mcp: "the user's own MCP servers",
  delegate: "delegate further, where depth is left",
};

const createAgent = defineTool({
  name: "create_agent",
  title: "Create an agent",
  describe: () =>
    "Make a specialist for this conversation: a name, the agent it is built on, and instructions. Then use delegate_to. It can " +
    "never do more than the agent it is built on.",
  input: z.strictObject({
    name: z.string().min(1).describe("Its name: letters, digits, - and _."),
    extends: z.string().min(1).describe("The agent it is built on; list_agents names them."),
    instructions: z.string().nullish().describe("What it is, how it works, what it must not do."),
    model: z.string().min(1).nullish().describe("Its model, by the base agent's own name for it."),
    tools: z.array(z.enum(toolSets)).nullish().describe("What it may do; list_primitives explains them."),
  }),

  async run(input, { session }, { delegations }) {
    const directory = delegations.agentsOf(session);
    const decision = decide(session, input.extends, directory);
    if (!decision.allowed) throw decision.refusal;
    const { name } = delegations.dynamic.create(
      session,
      {
        name: input.name,
        base: decision.profile,
        instructions: input.instructions ?? undefined,
        model: input.model ?? undefined,
        tools: input.tools ?? undefined,
      },
      directory.agents,
    );
    const text = `${name} is ready, built on ${decision.profile.name}. Give it work with delegate_to.`;
    return { content: [{ type: "text", text }], structuredContent: { name } };
  },
});

const delegateTo = defineTool({
  name: "delegate_to",
  title: "Give an agent work",
  describe: () => "Have an agent, one you made or another, do a task, and get its final answer.",
  input: z.strictObject({
    agent: z.string().min(1).describe("Its name."),
    message: z.string().min(1).describe("The task, complete in itself: it sees nothing of this conversation."),
  }),

  async run({ agent, message }, call, context) {
    const [result] = await runTasks([{ agent, task: message }], call, { context, background: false });
    return toToolResult(result!);
  },
});

const deleteAgent = defineTool({
  name: "delete_agent",
  title: "Delete an agent you made",
  describe: () => "Delete an agent you made. What it is doing goes on to its end.",
  input: z.strictObject({ name: z.string().min(1).describe("Its name.") }),

  async run({ name }, { session }, { delegations }) {
    delegations.dynamic.delete(session, name);
    return { content: [{ type: "text", text: `${name} is deleted.` }], structuredContent: { name, deleted: true } };
  },
});

const listAgents = defineTool({
  name: "list_agents",
  title: "List the agents you can use",
  describe: () => "List the agents you may give work to: those the user has set up, and those you made.",
  input: z.strictObject({}),

  async run(_input, { session }, { delegations }) {
    const agents = reachableTargets(session, delegations.agentsOf(session)).map((profile) => ({
      name: profile.name,
      description: profile.description,
      created_from: isDynamic(profile) ? profile.createdFrom : null,
      model: profile.model ?? null,
    }));
    const lines = agents.map(
      ({ name, description, created_from: base }) => `- ${name}${base ? ` (made from ${base})` : ""}: ${description}`,
    );
    return {
      content: [{ type: "text", text: lines.join("\n") || "There are none." }],
      structuredContent: { agents },
    };
  },
});

const listPrimitives = defineTool({
  name: "list_primitives",
  title: "List what agents can be given",
  describe: () => "List the kinds of tools an agent you make can be given, as far as you have them yourself.",
  input: z.strictObject({}),

  async run(_input, { session }) {
    const given = toolSets.filter((tool) => session.grant.tools.has(tool));
    const list = given.map((name) => ({ name, description: primitives[name] }));
    const text = list.map(({ name, description }) => `- ${name}: ${description}`).join("\n");
    return { content: [{ type: "text", text }], structuredContent: { primitives: list } };
  },
});

export const dynamicAgentTools: readonly Tool[] = [createAgent, delegateTo, deleteAgent, listAgents, listPrimitives];
