/** Going on with an earlier child: it remembers its work, or the caller is told honestly that it cannot. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  assertNoChildren,
  delegateLine,
  endOf,
  inKiln,
  nested,
  openParent,
  script,
  type Parent,
} from "./delegating.ts";
import { callTool, delegateWith } from "./tool-calls.ts";

/** Keeps its sessions beyond its process, in the kiln, and logs there what it is told. */
function remembering(name: string, capabilities: Record<string, unknown>, settings = ""): string {
  const kept = ["--memory", `${name}.memory`, "--log", `${name}.log`];
  const flags = [...kept, "--late-replay", "--capabilities", JSON.stringify(capabilities)];
  return scriptedProfile(name, { flags, settings });
}

const cannotResume = { sessionCapabilities: { resume: null } };

const config = [
  scriptedProfile("parent", {
    flags: ["--memory", "parent.memory"],
    delegation: 'enabled = true\nmax_depth = 2\nallowed_targets = ["resumes", "loads", "neither", "middle", "roles"]',
  }),
  scriptedProfile("other", { delegation: "enabled = true" }),
  scriptedProfile("middle", { delegation: "enabled = true" }),
  remembering("resumes", {}),
  remembering("loads", cannotResume),
  remembering("neither", { ...cannotResume, loadSession: false }),
  remembering("roles", {}, 'model_roles = { other = "loads" }'),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let other: Parent;
let tools: Client;
let otherTools: Client;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    [parent, other] = await Promise.all([openParent(daemon, "parent"), openParent(daemon, "other")]);
    [tools, otherTools] = await Promise.all([parent.tools(), other.tools()]);
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [tools, otherTools, parent, other]),
});

/** What the agents of a profile were asked so far, one entry for each request. */
function heardBy(agent: string): { method: string; params: { sessionId?: string } }[] {
  const lines = readFileSync(inKiln(daemon, `${agent}.log`), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as { method: string; params: { sessionId?: string } });
}

const methodsSince = (agent: string, count: number): string[] =>
  heardBy(agent)
    .slice(count)
    .map(({ method }) => method)
    .filter((method) => !method.startsWith("_"));

async function first(agent: string, ...lines: string[]): Promise<DelegationResult> {
  const result = await delegateWith(tools, { agent, task: script("session", ...lines) });
  expect(result).toMatchObject({ status: "completed", agent });
  await assertNoChildren(daemon);
  return result;
}

const goOn = (sessionId: string | null, ...lines: string[]): Promise<DelegationResult> =>
  delegateWith(tools, { session_id: sessionId, task: script(...lines) });

describe.each([
  ["resumes", "session/resume"],
  ["loads", "session/load"],
])("an agent that %s", (agent, method) => {
  test("goes on with the same conversation, in a new process, under the same session_id", async () => {
    const earlier = await first(agent);
    const before = heardBy(agent).length;
    const later = await goOn(earlier.session_id, "session", "pid");
    expect(later).toMatchObject({ status: "completed", agent, session_id: earlier.session_id });
    expect(later.delegation_id).not.toBe(earlier.delegation_id);
    expect(later.result.split("\n")[0]).toBe(earlier.result);
    expect(methodsSince(agent, before).slice(0, 3)).toEqual(["initialize", method, "session/prompt"]);
  });

  test("is not heard with what it says again of the earlier work", async () => {
    const earlier = await first(agent, 'tool {"title":"old work","kind":"execute"}', "say OLD ANSWER");
    // One tool call more than it may make would end it, if those of the earlier turn counted.
    const input = { session_id: earlier.session_id, task: script("tool {}", "think quietly"), max_turns: 1 };
    const later = await delegateWith(tools, input);
    expect(later).toMatchObject({ status: "completed", artifacts: [] });
    expect(later.result).toMatch(/without saying anything. It made 1 tool call/);
  });

  test("can be continued again and again, each time from where it was", async () => {
    const { session_id: session } = await first(agent, "say one");
    for (const word of ["two", "three"]) expect(await goOn(session, `say ${word}`)).toMatchObject({ result: word });
    const memory = readFileSync(inKiln(daemon, `${agent}.memory`), "utf8");
    for (const word of ["say one", "say two", "say three"]) expect(memory).toContain(word);
  });

  test("that could not start this time can be continued the next time", async () => {
    const earlier = await first(agent, "say one");
    const memory = inKiln(daemon, `${agent}.memory`);
    renameSync(memory, `${memory}.away`);
    const failed = await goOn(earlier.session_id, "say two");
    expect(failed).toMatchObject({ status: "failed", error: { code: "CRU_AGENT_START" } });
    renameSync(`${memory}.away`, memory);
    expect(await goOn(earlier.session_id, "say three")).toMatchObject({ status: "completed", result: "three" });
  });
});

test("an agent that can do neither: refused honestly, with what to do instead, and nobody is asked in its place", async () => {
  const { session_id: session } = await first("neither");
  const before = heardBy("neither").length;
  const input = { session_id: session, task: "touch never", fallbacks: ["resumes"] };
  const result = await delegateWith(tools, input);
  expect(result).toMatchObject({ status: "refused", agent: "neither", error: { code: "CRU_DELEGATION_CONTINUE" } });
  expect(result).not.toHaveProperty("tried");
  expect(result.error?.message).toMatch(/neither resume nor load/);
  expect(result.error?.hint).toMatch(/delegate anew/);
  expect(methodsSince("neither", before)).not.toContain("session/prompt");
  expect(existsSync(inKiln(daemon, "never"))).toBe(false);
});

test("a fallback never gets another agent's conversation", async () => {
  const { session_id: session } = await first("resumes");
  const memory = inKiln(daemon, "resumes.memory");
  renameSync(memory, `${memory}.away`);
  const input = { session_id: session, task: "say from somebody else", fallbacks: ["loads"] };
  const result = await delegateWith(tools, input);
  expect(result).toMatchObject({ status: "failed", agent: "resumes" });
  expect(result.notes).toEqual([expect.stringMatching(/^fallback "loads" was left out: .*resumes alone/)]);
  renameSync(`${memory}.away`, memory);
});

test("nor does a role that stands for another profile", async () => {
  const { session_id: session } = await first("roles");
  const result = await delegateWith(tools, { session_id: session, task: "say x", model_role: "other" });
  expect(result).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_CONTINUE" } });
  expect(result.error?.message).toMatch(/roles.*loads/);
});

test("nor another agent that is named with the session; its own may be", async () => {
  const { session_id: session } = await first("resumes");
  const ask = (agent: string) => delegateWith(tools, { session_id: session, agent, task: "say x" });
  for (const wrong of ["loads", "self"]) {
    const refused = await ask(wrong);
    expect(refused).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_CONTINUE" } });
    expect(refused.error?.message).toMatch(new RegExp(`resumes.*${wrong}`));
  }
  expect(await ask("resumes")).toMatchObject({ status: "completed", session_id: session });
});

test("a copy of oneself can be continued like any other child", async () => {
  const self = await delegateWith(tools, { agent: "self", task: "session" });
  expect(await goOn(self.session_id, "session")).toMatchObject({ status: "completed", result: self.result });
});

test("a child's own child can be continued by the one above", async () => {
  const task = delegateLine({ agent: "resumes", task: "session" });
  const below = nested(await delegateWith(tools, { agent: "middle", task }));
  expect(await goOn(below.session_id, "session")).toMatchObject({ status: "completed", result: below.result });
});

test("a session is refused while its child is still at work, with the way that is open then", async () => {
  const input = { agent: "resumes", task: script("wait-for busy.go", "say done"), background: true };
  const { delegation_id: id, session_id: session } = await delegateWith(tools, input);
  await until(async () => (await goOn(session, "say x")).error?.code === "CRU_DELEGATION_CONTINUE");
  const refused = await goOn(session, "say x");
  expect(refused).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_CONTINUE" } });
  expect(refused.error?.hint).toContain("send_to_delegation");
  expect(refused.error?.hint).toContain(id);
  writeFileSync(inKiln(daemon, "busy.go"), "");
  await callTool(tools, "wait_delegation", { ids: [id] });
});

describe("session ids that are not the caller's to use are unknown, whether they exist or not", () => {
  const unknown = { status: "refused", session_id: null, error: { code: "CRU_DELEGATION_UNKNOWN" } };

  test("made up ones", async () => {
    expect(await goOn("ses_0000000000000000", "say x")).toMatchObject(unknown);
  });

  test("another session's child", async () => {
    const foreign = await delegateWith(otherTools, { agent: "resumes", task: "session" });
    const before = heardBy("resumes").length;
    const result = await goOn(foreign.session_id, "say x");
    expect(result).toMatchObject(unknown);
    expect(result.error?.message).not.toContain("resumes");
    expect(methodsSince("resumes", before)).toEqual([]);
  });

  test("the caller's own, and another root's", async () => {
    expect(await goOn(parent.session, "say x")).toMatchObject(unknown);
    expect(await goOn(other.session, "say x")).toMatchObject(unknown);
  });

  test("the agent's own id of a session, which is not Crucible's", async () => {
    const { result } = await first("resumes");
    expect(await goOn(result, "say x")).toMatchObject(unknown);
  });

  test("a child cannot go on with its sibling", async () => {
    const { session_id: sibling } = await first("resumes");
    const task = `mcp delegate_session ${JSON.stringify({ session_id: sibling, task: "say x" })}`;
    expect(nested(await delegateWith(tools, { agent: "middle", task }))).toMatchObject(unknown);
  });
});
