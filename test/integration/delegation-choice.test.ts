/** Which agent does a task, and with which model: models and roles as the agent takes them, and others in its place when it cannot begin. */
import { existsSync, readFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type ProfileOptions, type TestDaemon } from "../support/daemon.ts";
import { openMirrorStage, type MirrorStage } from "../support/mirror-stage.ts";
import { RpcRefusal } from "../support/acp-client.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  assertNoChildren,
  callDelegate,
  connectTools,
  endOf,
  inKiln,
  openParent,
  type Parent,
  type ToolServer,
} from "./delegating.ts";
import { callTool, delegateWith } from "./tool-calls.ts";

/** Does what its own script says, so that one task can come out differently with each agent. */
function actor(name: string, does: string, { flags = [], ...rest }: ProfileOptions = {}): string {
  return scriptedProfile(name, { ...rest, flags: ["--script", does, ...flags] });
}

const allowed = [
  "chooser",
  "plain",
  "mapped",
  "staged",
  "good",
  "other",
  "missing",
  "dies-at-start",
  "dies-at-session",
  "dies-at-prompt",
  "signed-out",
  "overloaded",
  "half",
  "silent",
];

let stage: MirrorStage;
let daemon: TestDaemon;
let parent: Parent;
let tools: Client;

shareAmongTests({
  open: async () => {
    stage = await openMirrorStage();
    const config = [
      scriptedProfile("parent", { delegation: `enabled = true\nallowed_targets = ${JSON.stringify(allowed)}` }),
      actor("chooser", "say chosen", {
        flags: ["--config-options", "--log", "chooser.log"],
        settings: 'model = "small"',
      }),
      actor("plain", "say plain", { flags: ["--log", "plain.log"] }),
      actor("mapped", "say mapped", {
        flags: ["--config-options", "--log", "mapped.log"],
        settings: 'model_roles = { smart = "large", elsewhere = "other", forbidden = "hidden" }',
      }),
      stage.profile("staged"),
      scriptedProfile("deep", { delegation: "enabled = true\nmax_depth = 2" }),
      stage.profile("staged-middle", { delegation: "enabled = true" }),
      actor("good", "say good", { flags: ["--config-options", "--log", "good.log"] }),
      actor("other", "say other"),
      actor("hidden", "touch hidden.ran"),
      '[acp.agents.missing]\ncommand = "no-such-program-anywhere"\n',
      actor("dies-at-start", "say x", { flags: ["--exit-at", "initialize"] }),
      actor("dies-at-session", "say x", { flags: ["--exit-at", "session"] }),
      actor("dies-at-prompt", "say x", { flags: ["--exit-at", "prompt"] }),
      actor("signed-out", "say x", { flags: ["--auth-required"] }),
      actor("overloaded", 'fail -32000 "the provider is overloaded"'),
      actor("half", "say half of it\\nfail -32000 broke"),
      actor("silent", "say x", { flags: ["--no-initialize"] }),
    ].join("\n");
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
    tools = await parent.tools();
  },
  check: async () => {
    await assertNoChildren(daemon);
    await stage.clear();
  },
  close: async () => {
    try {
      await endOf(daemon, [tools, parent]);
    } finally {
      await stage[Symbol.asyncDispose]();
    }
  },
});

// Without a directive, so that each agent follows its own script.
const task = "Have a look.";

const ask = (agent: string, input: Record<string, unknown> = {}): Promise<DelegationResult> =>
  delegateWith(tools, { agent, task, ...input });

/** The requests of a method that an agent of the profile was sent. */
function asked(agent: string, method: string): Record<string, unknown>[] {
  const file = inKiln(daemon, `${agent}.log`);
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  return lines
    .map((line) => JSON.parse(line) as { method: string; params: Record<string, unknown> })
    .filter((message) => message.method === method)
    .map(({ params }) => params);
}

/** The warnings of the log about settings that were not made. */
const ignored = (): string[] => daemon.stderr.split("\n").filter((line) => line.includes("session.setting_ignored"));

describe("model", () => {
  test("is set by the agent's own config option, and goes before the profile's", async () => {
    expect(await ask("chooser", { model: "large" })).toMatchObject({ status: "completed", result: "chosen" });
    expect(asked("chooser", "session/set_config_option").at(-1)).toMatchObject({ configId: "model", value: "large" });
    await ask("chooser");
    expect(asked("chooser", "session/set_config_option").at(-1)).toMatchObject({ configId: "model", value: "small" });
  });

  test("is set by the older session/set_model where the agent offers that", async () => {
    const sent: unknown[] = [];
    stage
      .onRequest("session/new", () => ({
        sessionId: stage.newSessionId(),
        models: {
          currentModelId: "old",
          availableModels: [
            { modelId: "old", name: "Old" },
            { modelId: "new", name: "New" },
          ],
        },
      }))
      .onRequest("session/set_model", (params) => {
        sent.push(params["modelId"]);
        return {};
      })
      .onRequest("session/prompt", () => {
        sent.push("prompt");
        return { stopReason: "end_turn" };
      });
    expect(await ask("staged", { model: "new" })).toMatchObject({ status: "completed" });
    expect(sent).toEqual(["new", "prompt"]);
  });

  test.each([
    ["an agent that has others", "chooser", /gigantic.*small and large/],
    ["an agent that offers no choice", "plain", /gigantic.*offers none/],
  ])("unknown to %s is told in the log and not sent, and the task is done", async (_, agent, words) => {
    const before = ignored().length;
    const sent = asked(agent, "session/set_config_option").length + asked(agent, "session/set_model").length;
    expect(await ask(agent, { model: "gigantic" })).toMatchObject({ status: "completed" });
    expect(asked(agent, "session/set_config_option").length + asked(agent, "session/set_model").length).toBe(sent);
    await until(() => ignored().length > before, { what: "the warning" });
    expect(ignored().at(-1)).toMatch(words);
  });
});

describe("mode", () => {
  test("is set by the agent's own config option", async () => {
    expect(await ask("chooser", { mode: "plan" })).toMatchObject({ status: "completed", result: "chosen" });
    const set = asked("chooser", "session/set_config_option").slice(-2);
    expect(set).toMatchObject([
      { configId: "mode", value: "plan" },
      { configId: "model", value: "small" },
    ]);
  });

  test("is set by session/set_mode where the agent has modes and no such option", async () => {
    const sent: unknown[] = [];
    stage
      .onRequest("session/new", () => ({
        sessionId: stage.newSessionId(),
        modes: {
          currentModeId: "ask",
          availableModes: [
            { id: "ask", name: "Ask" },
            { id: "architect", name: "Architect" },
          ],
        },
      }))
      .onRequest("session/set_mode", (params) => {
        sent.push(params["modeId"]);
        return {};
      })
      .onRequest("session/prompt", () => {
        sent.push("prompt");
        return { stopReason: "end_turn" };
      });
    const result = await ask("staged", { mode: "architect" });
    expect(result).toMatchObject({ status: "completed" });
    expect(result).not.toHaveProperty("notes");
    expect(sent).toEqual(["architect", "prompt"]);
  });

  test("is a matter of each task of a list", async () => {
    const tasks = [
      { agent: "chooser", task, mode: "plan" },
      { agent: "good", task, mode: "yolo" },
    ];
    const { data } = await callTool<{ results: DelegationResult[] }>(tools, "delegate_session", { tasks });
    expect(data.results[0]).not.toHaveProperty("notes");
    expect(data.results[1]?.notes).toEqual([expect.stringMatching(/yolo.*code and plan/)]);
  });
});

describe("a setting that the agent does not have is told to the caller, and the task is done", () => {
  test.each([
    ["mode", "chooser", "yolo", /mode "yolo" was not set: the agent has code and plan/],
    ["mode", "plain", "plan", /mode "plan" was not set: the agent offers none/],
    ["model", "chooser", "gigantic", /model "gigantic" was not set: the agent has small and large/],
  ])("%s of %s", async (setting, agent, value, words) => {
    const { text, data } = await callTool<DelegationResult>(tools, "delegate_session", {
      agent,
      task,
      [setting]: value,
    });
    expect(data).toMatchObject({ status: "completed", notes: [expect.stringMatching(words) as string] });
    expect(text).toMatch(words);
    const listed = await callTool<{ delegations: DelegationResult[] }>(tools, "list_delegations");
    expect(listed.data.delegations.find(({ delegation_id: id }) => id === data.delegation_id)?.notes).toEqual(
      data.notes,
    );
  });
});

describe("model_role", () => {
  test("stands for a model of the agent", async () => {
    expect(await ask("mapped", { model_role: "smart" })).toMatchObject({ agent: "mapped", result: "mapped" });
    expect(asked("mapped", "session/set_config_option").at(-1)).toMatchObject({ configId: "model", value: "large" });
  });

  test("stands for another profile, which then does the task", async () => {
    expect(await ask("mapped", { model_role: "elsewhere" })).toMatchObject({ agent: "other", result: "other" });
  });

  test("that stands for a profile the caller may not ask is refused", async () => {
    const result = await ask("mapped", { model_role: "forbidden" });
    expect(result).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_TARGET_NOT_ALLOWED" } });
    expect(existsSync(inKiln(daemon, "hidden.ran"))).toBe(false);
  });

  test("that is unknown is refused with those there are", async () => {
    const { status, error } = await ask("mapped", { model_role: "smrt" });
    expect([status, error?.code]).toEqual(["refused", "CRU_MODEL_ROLE_UNKNOWN"]);
    expect(error?.message).toContain("smrt");
    for (const role of ["smart", "elsewhere", "forbidden"]) expect(error?.hint).toContain(role);
  });

  test("of an agent without roles is refused with the advice to leave it out", async () => {
    const { status, error } = await ask("plain", { model_role: "smart" });
    expect([status, error?.code]).toEqual(["refused", "CRU_MODEL_ROLE_UNKNOWN"]);
    expect(error?.hint).toMatch(/leave model_role out/);
  });

  test("is not looked at where a model is named", async () => {
    expect(await ask("mapped", { model_role: "nonsense", model: "small" })).toMatchObject({ status: "completed" });
    expect(asked("mapped", "session/set_config_option").at(-1)).toMatchObject({ value: "small" });
  });
});

describe("fallbacks", () => {
  test.each([
    ["is not installed", "missing", "CRU_AGENT_NOT_FOUND"],
    ["ends before it has answered initialize", "dies-at-start", "CRU_AGENT_START"],
    ["ends while it opens a session", "dies-at-session", "CRU_AGENT_EXITED"],
    ["ends at the prompt", "dies-at-prompt", "CRU_AGENT_EXITED"],
    ["is not signed in", "signed-out", "CRU_AGENT_AUTH"],
    ["answers with an error before it did anything", "overloaded", "CRU_AGENT_ERROR"],
  ])("stand in for an agent that %s, and what was tried is told", async (_, agent, code) => {
    const result = await ask(agent, { fallbacks: ["good"] });
    expect(result).toMatchObject({ status: "completed", agent: "good", result: "good" });
    expect(result).not.toHaveProperty("error");
    expect(result.tried).toMatchObject([{ agent, model: null, error: { code } }]);
  });

  test("are asked in their order, each with its own model, until one can", async () => {
    const fallbacks = ["signed-out", { agent: "overloaded", model: "m" }, { agent: "good", model: "large" }, "other"];
    const result = await ask("missing", { model: "first", fallbacks });
    expect(result).toMatchObject({ status: "completed", agent: "good" });
    expect(result.tried?.map(({ agent, model, error }) => [agent, model, error.code])).toEqual([
      ["missing", "first", "CRU_AGENT_NOT_FOUND"],
      ["signed-out", null, "CRU_AGENT_AUTH"],
      ["overloaded", "m", "CRU_AGENT_ERROR"],
    ]);
    expect(asked("good", "session/set_config_option").at(-1)).toMatchObject({ configId: "model", value: "large" });
  });

  test("can be written as agent/model, too", async () => {
    const result = await ask("missing", { fallbacks: ["signed-out/some/model", "good/large"] });
    expect(result).toMatchObject({ status: "completed", agent: "good" });
    expect(result.tried).toMatchObject([{ agent: "missing" }, { agent: "signed-out", model: "some/model" }]);
  });

  test("that cannot either leave the last failure, and tell the others", async () => {
    const result = await ask("missing", { fallbacks: ["signed-out", "dies-at-start"] });
    expect(result).toMatchObject({ status: "failed", agent: "dies-at-start", error: { code: "CRU_AGENT_START" } });
    expect(result.tried?.map(({ agent }) => agent)).toEqual(["missing", "signed-out"]);
  });

  test("are kept with the result", async () => {
    const { delegation_id: id } = await ask("missing", { fallbacks: ["good"] });
    const { structuredContent } = await tools.callTool({ name: "list_delegations", arguments: {} });
    const { delegations } = structuredContent as { delegations: DelegationResult[] };
    expect(delegations.find(({ delegation_id: one }) => one === id)).toMatchObject({
      agent: "good",
      tried: [{ agent: "missing" }],
    });
  });

  test("are not asked once the agent has said something: the work is not done twice", async () => {
    const result = await ask("half", { fallbacks: ["good"] });
    expect(result).toMatchObject({ status: "failed", agent: "half", result: "half of it" });
    expect(result).not.toHaveProperty("tried");
  });

  test("nor once it has written a file, though it said nothing of it", async () => {
    stage.onRequest("session/prompt", async ({ sessionId }) => {
      const { acp } = await stage.actor();
      const path = inKiln(daemon, "written.txt");
      await acp.request("fs/write_text_file", { sessionId, path, content: "half" });
      throw new RpcRefusal(-32000, "broke");
    });
    const result = await ask("staged", { fallbacks: ["good"] });
    expect(result).toMatchObject({ status: "failed", agent: "staged", error: { code: "CRU_AGENT_ERROR" } });
    expect(result).not.toHaveProperty("tried");
    expect(readFileSync(inKiln(daemon, "written.txt"), "utf8")).toBe("half");
  });

  test("nor once it has had another agent do a part of it", async () => {
    await using deep = await openParent(daemon, "deep");
    const deepTools = await deep.tools();
    let servers: ToolServer[] = [];
    stage
      .onRequest("session/new", ({ mcpServers }) => {
        servers = mcpServers as ToolServer[];
        return { sessionId: stage.newSessionId() };
      })
      .onRequest("session/prompt", async () => {
        const own = await connectTools(servers[0]!);
        await callDelegate(own, { agent: "other", task });
        await own.close();
        throw new RpcRefusal(-32000, "broke");
      });
    const result = await delegateWith(deepTools, { agent: "staged-middle", task, fallbacks: ["good"] });
    expect(result).toMatchObject({ status: "failed", agent: "staged-middle", error: { code: "CRU_AGENT_ERROR" } });
    expect(result).not.toHaveProperty("tried");
    await deepTools.close();
  });

  test("are not asked when the agent declines the task, or its time is up", async () => {
    stage.onRequest("session/prompt", () => ({ stopReason: "refusal" }));
    expect(await ask("staged", { fallbacks: ["good"] })).toMatchObject({ status: "refused", agent: "staged" });
    const late = await ask("silent", { fallbacks: ["good"], timeout_seconds: 0.2 });
    expect(late).toMatchObject({ status: "timed_out", agent: "silent", error: { code: "CRU_DELEGATION_TIMEOUT" } });
  });

  test("that are not allowed or do not exist are passed over, and the result says which and why", async () => {
    const input = { agent: "missing", task, fallbacks: ["hidden", "nobody", "good"] };
    const { text, data: result } = await callTool<DelegationResult>(tools, "delegate_session", input);
    expect(result).toMatchObject({ status: "completed", agent: "good" });
    expect(result.tried?.map(({ agent }) => agent)).toEqual(["missing"]);
    expect(existsSync(inKiln(daemon, "hidden.ran"))).toBe(false);
    expect(result.notes).toEqual([
      expect.stringMatching(/^fallback "hidden" was left out: .*\[CRU_DELEGATION_TARGET_NOT_ALLOWED\]$/),
      expect.stringMatching(/^fallback "nobody" was left out: .*\[CRU_DELEGATION_TARGET_UNKNOWN\]$/),
    ]);
    for (const note of result.notes ?? []) expect(text).toContain(note);
  });

  test("are told of with the handle, too, and where none was needed", async () => {
    const input = { agent: "good", task, fallbacks: ["nobody"], background: true };
    const { text, data: result } = await callTool<DelegationResult>(tools, "delegate_session", input);
    expect(result).toMatchObject({ status: "running", notes: [expect.stringContaining("nobody")] });
    expect(text).toContain(result.notes![0]);
    const { data } = await callTool(tools, "wait_delegation", { ids: [result.delegation_id] });
    expect(data).toMatchObject({ delegations: [{ status: "completed", notes: result.notes }] });
  });

  test("do not help a first choice that is not allowed", async () => {
    const result = await ask("hidden", { fallbacks: ["good"] });
    expect(result).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_TARGET_NOT_ALLOWED" } });
  });
});
