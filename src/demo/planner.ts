/**
 * The demo planner, an ACP agent without a model: has two tasks done by other agents at the same time, through the tool
 * `delegate_session` like any agent, and puts their answers together. A program of its own; what an editor would talk to.
 */
import type { McpServer, PlanEntry } from "@agentclientprotocol/sdk";
import { workerProfile } from "./config.ts";
import { runDemoAgent, type DemoTurn } from "./demo-agent.ts";
import { demoDelegations, type DemoDelegation } from "./tasks.ts";
import { ToolCaller, type ToolResult, type ToolServer } from "./tool-caller.ts";

async function work(turn: DemoTurn): Promise<void> {
  const server = turn.mcpServers.find(isCrucibleOverHttp);
  if (!server) {
    await turn.say(
      "I am a demo agent and can do nothing but delegate, yet this session has no tools for that: " +
        'it was not opened by Crucible, or delegation is not enabled for my profile. Try "crucible demo".',
    );
    return;
  }
  await turn.say("Both parts need all notes but not each other, so I have two agents do them at the same time.\n");
  const plan = new Plan(turn);
  await plan.show();
  await turn.pace();
  await using tools = await ToolCaller.open(server, turn.signal);
  const answers = await Promise.all(
    demoDelegations.map(async (delegation, index) => {
      await plan.set(index, "in_progress");
      const answer = await delegate(turn, tools, delegation);
      await plan.set(index, "completed");
      return answer;
    }),
  );
  await plan.set(demoDelegations.length, "in_progress");
  await turn.pace();
  await turn.say(finalAnswer(answers));
  await plan.set(demoDelegations.length, "completed");
}

async function delegate(turn: DemoTurn, tools: ToolCaller, delegation: DemoDelegation): Promise<Answer> {
  const { title, task, file } = delegation;
  const input = { agent: workerProfile, task, description: title };
  const call = { toolCallId: `delegate-${file}`, title, kind: "other", rawInput: input } as const;
  return turn.showing(call, async () => {
    const result = await tools.call("delegate_session", input, turn.signal);
    const answer = { title, ...readAnswer(result) };
    const content = [{ type: "content", content: { type: "text", text: answer.text } } as const];
    return { value: answer, shown: { status: answer.failed ? "failed" : "completed", content } };
  });
}

interface Answer {
  title: string;
  text: string;
  failed: boolean;
}

/** What the tool's answer says: the child's result, or why there is none (docs/reference/tools.md). */
function readAnswer({ content = [], structuredContent, isError = false }: ToolResult): Omit<Answer, "title"> {
  const result = structuredContent?.["result"];
  if (!isError && typeof result === "string") return { text: result, failed: false };
  return { text: content.map(({ text = "" }) => text).join("\n"), failed: true };
}

function finalAnswer(answers: readonly Answer[]): string {
  const failed = answers.filter((answer) => answer.failed).length;
  const opening = failed === 0 ? "Both agents are done." : `${failed} of ${answers.length} agents failed.`;
  const parts = answers.map(({ title, text }) => `${title}:\n${text.replace(/^/gm, "> ")}`);
  return [opening, ...parts].join("\n\n");
}

/** The plan the editor shows; each change sends all of it (ACP, "Agent Plan"). */
class Plan {
  readonly #turn: DemoTurn;
  readonly #entries: PlanEntry[];

  constructor(turn: DemoTurn) {
    const steps = [...demoDelegations.map(({ title }) => title), "Put the answers together"];
    this.#turn = turn;
    this.#entries = steps.map((content) => ({ content, priority: "medium", status: "pending" }));
  }

  show(): Promise<void> {
    return this.#turn.update({ sessionUpdate: "plan", entries: this.#entries });
  }

  async set(index: number, status: PlanEntry["status"]): Promise<void> {
    const entry = this.#entries[index];
    if (entry) this.#entries[index] = { ...entry, status };
    await this.show();
  }
}

function isCrucibleOverHttp(server: McpServer): server is McpServer & ToolServer {
  return server.name === "crucible" && "type" in server && server.type === "http";
}

await runDemoAgent({ name: "crucible-demo-planner", title: "Crucible demo planner", work });
