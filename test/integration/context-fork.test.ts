/** The whole conversation for a child that is the same agent: a fork where the agent can make one, else text, and which it was is told. */
import { existsSync, readFileSync, renameSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { assertNoChildren, endOf, inKiln, openParent, script, type Parent } from "./delegating.ts";
import { callTool } from "./tool-calls.ts";

const flagsOf = (name: string): string[] => ["--memory", `${name}.memory`, "--log", `${name}.log`];
const rules = { delegation: "enabled = true\nresult_max_bytes = 1048576\ndynamic_agents = true\nallow_cycles = true" };
const noFork = ["--capabilities", JSON.stringify({ sessionCapabilities: { fork: null } })];

let daemon: TestDaemon;
let parent: Parent;
let tools: Client;
let plain: Parent;
let plainTools: Client;

shareAmongTests({
  open: async () => {
    const config = [
      scriptedProfile("parent", { flags: flagsOf("parent"), ...rules }),
      scriptedProfile("plain", { flags: [...flagsOf("plain"), ...noFork], ...rules }),
      scriptedProfile("other", { flags: flagsOf("other") }),
      '[acp.agents.reviewer]\nextends = "parent"\ninstructions = "You review."\n',
    ].join("\n");
    daemon = await startDaemon({ config });
    [parent, plain] = await Promise.all([openParent(daemon, "parent"), openParent(daemon, "plain")]);
    for (const one of [parent, plain]) {
      await one.prompt(script('tool {"title":"look around","kind":"read"}', "say I like apple"));
    }
    [tools, plainTools] = await Promise.all([parent.tools(), plain.tools()]);
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [tools, plainTools, parent, plain]),
});

interface Request {
  method: string;
  params: { sessionId?: string; cwd?: string; mcpServers?: unknown[] };
}

function heardBy(agent: string): Request[] {
  const file = inKiln(daemon, `${agent}.log`);
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  return lines.map((line) => JSON.parse(line) as Request);
}

interface Seen {
  data: DelegationResult;
  text: string;
  /** How the child's session was opened. */
  opening: Request[];
  /** The texts of the blocks the child was given. */
  given: string[];
}

const whole = { context_depth: "all", context_scope: "full" };

async function ask(input: Record<string, unknown>, { by = tools, log = "parent" } = {}): Promise<Seen> {
  const before = heardBy(log).length;
  const call = { agent: "self", task: "heard", ...whole, ...input };
  const { data, text } = await callTool<DelegationResult>(by, "delegate_session", call);
  expect(data).toMatchObject({ status: "completed" });
  const opening = heardBy(log)
    .slice(before)
    .filter(({ method }) => /^session\/(new|fork|load|resume)$/.test(method));
  const [prompt] = JSON.parse(data.result) as [{ text: string }[]];
  return { data, text, opening, given: prompt.map((block) => block.text.trim()) };
}

const memory = (): Record<string, { history: unknown[] }> =>
  JSON.parse(readFileSync(inKiln(daemon, "parent.memory"), "utf8")) as Record<string, { history: unknown[] }>;

describe("a fork", () => {
  test("of the parent's own session is what a copy of itself begins with, in a process of its own", async () => {
    const known = Object.keys(memory());
    const { data, text, opening, given } = await ask({});
    const [source] = known;
    expect(opening).toMatchObject([{ method: "session/fork", params: { sessionId: source, cwd: daemon.kiln } }]);
    const forked = Object.keys(memory()).find((id) => !known.includes(id));
    expect(JSON.stringify(memory()[forked!]?.history)).toMatch(/I like apple/);
    expect(JSON.stringify(memory()[source!]?.history)).not.toContain("heard");
    expect(given[0]).toBe("heard");
    expect(given[1]).toMatch(/^You are a copy of parent/);
    expect(given.join("\n")).not.toContain("apple");
    expect(data.notes).toEqual(["it began with a fork of your conversation"]);
    expect(text).toContain("Note: it began with a fork of your conversation.");
  });

  test("is had by another profile of the same agent, too, under its own instructions", async () => {
    const { data, opening, given } = await ask({ agent: "reviewer" });
    expect(opening).toMatchObject([{ method: "session/fork" }]);
    expect(given.join("\n")).toContain("You review.");
    expect(data.agent).toBe("reviewer");
  });

  test("can be continued like any other child", async () => {
    const { data } = await ask({});
    const later = await callTool<DelegationResult>(tools, "delegate_session", {
      session_id: data.session_id,
      task: "session",
    });
    expect(later.data).toMatchObject({ status: "completed", session_id: data.session_id });
  });
});

describe("text instead", () => {
  test("where the agent cannot fork", async () => {
    const { data, opening, given } = await ask({}, { by: plainTools, log: "plain" });
    expect(opening).toMatchObject([{ method: "session/new" }]);
    expect(given[1]).toMatch(/^Conversation so far/);
    expect(given[1]).toContain("I like apple");
    expect(given[1]).toContain("look around");
    expect(data.notes).toEqual(["it was given your conversation as text: plain cannot fork sessions"]);
  });

  test("where the agent does not know the session any more", async () => {
    const file = inKiln(daemon, "parent.memory");
    renameSync(file, `${file}.away`);
    const { data, opening, given } = await ask({});
    renameSync(`${file}.away`, file);
    expect(opening.map(({ method }) => method)).toEqual(["session/fork", "session/new"]);
    expect(given[1]).toContain("I like apple");
    expect(data.notes).toEqual([expect.stringMatching(/as text: parent could not fork it \(.*no such session/)]);
  });

  test.each([
    ["for another agent", { agent: "other" }, "other"],
    ["for less than everything that was said", { context_depth: "recent" }, "parent"],
    ["for less than everything that was done", { context_scope: "agents" }, "parent"],
  ])("%s, without a word about forks", async (_, input, log) => {
    const { data, opening, given } = await ask(input, { log });
    expect(opening).toMatchObject([{ method: "session/new" }]);
    expect(given[1]).toMatch(/^Conversation so far/);
    expect(data).not.toHaveProperty("notes");
  });

  test("nothing, where nothing is asked for", async () => {
    const { opening, given } = await ask({ context_depth: "none" });
    expect(opening).toMatchObject([{ method: "session/new" }]);
    expect(given.join("\n")).not.toMatch(/apple|copy of/);
  });
});
