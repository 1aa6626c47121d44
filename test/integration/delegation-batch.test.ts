/** Several tasks in one call: they run side by side, and each brings its own result, in the order in which they were given. */
import { existsSync, writeFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { assertNoChildren, control, endOf, inKiln, openParent, script, type Parent } from "./delegating.ts";

const config = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_concurrent_delegations = 3" }),
  scriptedProfile("worker"),
  scriptedProfile("broken", { flags: ["--exit-at", "session"] }),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let tools: Client;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
    tools = await parent.tools();
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [tools, parent]),
});

const exists = (name: string): boolean => existsSync(inKiln(daemon, name));
const make = (name: string): void => writeFileSync(inKiln(daemon, name), "");
const task = (...lines: string[]): { agent: string; task: string } => ({ agent: "worker", task: script(...lines) });

interface Batch {
  text: string;
  isError: boolean;
  status: string;
  results: DelegationResult[];
  error?: { code: string; message: string; hint?: string };
}

async function call(input: Record<string, unknown>, signal?: AbortSignal): Promise<Batch> {
  const options = signal ? { signal } : {};
  const answer = await tools.callTool({ name: "delegate_session", arguments: input }, options);
  const [block] = answer.content;
  const text = block?.type === "text" ? block.text : "";
  return { text, isError: answer.isError === true, ...(answer.structuredContent as Omit<Batch, "text" | "isError">) };
}

const words = ({ results }: Batch): string[] => results.map(({ result }) => result);

describe("tasks", () => {
  test("run at the same time: each ends only once all others have begun", async () => {
    const names = ["a0", "a1", "a2"];
    const waits = names.map((name) => `wait-for ${name}`);
    const batch = await call({ tasks: names.map((name) => task(`touch ${name}`, ...waits, `say ${name}`)) });
    expect(batch).toMatchObject({ status: "completed", isError: false });
    expect(words(batch)).toEqual(names);
  });

  test("bring their results in the order of the tasks, whichever ends first, in text as in data", async () => {
    const batch = await call({
      tasks: [
        task("wait-for b1.done", "say first"),
        task("wait-for b2.done", "touch b1.done", "say second"),
        task("touch b2.done", "say third"),
      ],
    });
    expect(words(batch)).toEqual(["first", "second", "third"]);
    expect(batch.text).toMatch(/## 1\. worker\nfirst[^]*## 2\. worker\nsecond[^]*## 3\. worker\nthird/);
  });

  test("of which one failed, one was refused and one died do not cost the others their results", async () => {
    const batch = await call({
      tasks: [
        task("say before", "fail -32000 no"),
        { agent: "nobody", task: "x" },
        task("say fine"),
        task("exit 3"),
        { agent: "broken", task: "x" },
      ],
    });
    expect(batch).toMatchObject({ status: "partial", isError: false });
    expect(batch.results.map(({ status, error }) => [status, error?.code])).toEqual([
      ["failed", "CRU_AGENT_ERROR"],
      ["refused", "CRU_DELEGATION_TARGET_UNKNOWN"],
      ["completed", undefined],
      ["failed", "CRU_AGENT_EXITED"],
      [expect.stringMatching(/^failed$/), expect.stringMatching(/^CRU_AGENT_(EXITED|START)$/)],
    ]);
    expect(batch.results[2]?.result).toBe("fine");
    expect(batch.text).toContain("fine");
  });

  test("of which one is stuck: its own time ends it, and the others' results are there", async () => {
    const batch = await call({
      tasks: [{ ...task("say begun", "hang"), timeout_seconds: 0.3 }, task("say fine")],
    });
    expect(batch).toMatchObject({ status: "partial", isError: false });
    expect(batch.results).toMatchObject([
      { status: "timed_out", error: { code: "CRU_DELEGATION_TIMEOUT" } },
      { status: "completed", result: "fine" },
    ]);
  });

  test("that all failed make the call an error, and only then", async () => {
    const batch = await call({ tasks: [task("stop refusal"), { agent: "nobody", task: "x" }] });
    expect(batch).toMatchObject({ status: "failed", isError: true });
    expect(batch.results.map(({ status }) => status)).toEqual(["refused", "refused"]);
  });

  test("in the background come back at once as handles that go on", async () => {
    const batch = await call({ tasks: [task("wait-for bg.go", "say one"), task("say two")], background: true });
    expect(batch).toMatchObject({ status: "running", isError: false });
    expect(batch.results.map(({ status }) => status)).toEqual(["running", "running"]);
    make("bg.go");
    const ids = batch.results.map(({ delegation_id: id }) => id);
    const outcome = async (id: string): Promise<unknown> =>
      (await tools.callTool({ name: "read_delegation", arguments: { id } })).structuredContent;
    await until(async () => JSON.stringify(await outcome(ids[0]!)).includes('"completed"'), { what: "the first" });
    expect(await outcome(ids[0]!)).toMatchObject({ text: "one" });
    await assertNoChildren(daemon);
    expect(await outcome(ids[1]!)).toMatchObject({ text: "two" });
  });

  test("beyond the concurrency of the profile wait until a place is free", async () => {
    const names = ["w0", "w1", "w2", "w3", "w4"];
    const running = call({ tasks: names.map((name) => task(`touch ${name}.began`, `wait-for ${name}.go`)) });
    await until(() => names.slice(0, 3).every((name) => exists(`${name}.began`)), { what: "three to begin" });
    using door = await control(daemon);
    expect((await door.request("status", {})).delegations).toEqual({ running: 3, queued: 2 });
    expect(names.filter((name) => exists(`${name}.began`))).toEqual(["w0", "w1", "w2"]);
    make("w1.go");
    await until(() => exists("w3.began"), { what: "the fourth to begin" });
    expect(exists("w4.began")).toBe(false);
    for (const name of names) make(`${name}.go`);
    expect(await running).toMatchObject({ status: "completed" });
  });

  test("are all cancelled with the call, those that wait too", async () => {
    const giveUp = new AbortController();
    const names = ["c0", "c1", "c2", "c3"];
    const running = call({ tasks: names.map((name) => task(`touch ${name}.began`, "hang")) }, giveUp.signal);
    const failure = running.catch((error: unknown) => error);
    await until(() => names.slice(0, 3).every((name) => exists(`${name}.began`)), { what: "three to begin" });
    giveUp.abort();
    expect(await failure).toBeInstanceOf(Error);
    await assertNoChildren(daemon);
    expect(exists("c3.began")).toBe(false);
    const { structuredContent } = await tools.callTool({ name: "list_delegations", arguments: {} });
    const { delegations } = structuredContent as { delegations: DelegationResult[] };
    expect(delegations.slice(-4).map(({ status }) => status)).toEqual(Array(4).fill("cancelled"));
  });
});

describe("what cannot be meant is refused before anything starts", () => {
  test("more tasks than fit, with the number that does", async () => {
    const tasks = Array.from({ length: 21 }, (_, index) => task(`touch many.${index}`));
    const { isError, error } = await call({ tasks });
    expect(isError).toBe(true);
    expect(error?.code).toBe("CRU_TOOL_ARGUMENTS");
    expect(error?.message).toMatch(/at most 20 tasks/);
    expect(exists("many.0")).toBe(false);
  });

  test("exactly as many as fit are done", async () => {
    const tasks = Array.from({ length: 20 }, (_, index) => ({ agent: "nobody", task: `${index}` }));
    expect((await call({ tasks })).results).toHaveLength(20);
  });

  test.each([
    ["agent and task", { agent: "worker", task: "touch both" }, /agent, task/],
    ["agent", { agent: "worker" }, /agent/],
    ["what belongs to one task", { timeout_seconds: 3, model: "x" }, /timeout_seconds.*model|model.*timeout_seconds/],
  ])("tasks together with %s", async (_, single, named) => {
    const { isError, error } = await call({ tasks: [task("touch both")], ...single });
    expect(isError).toBe(true);
    expect(error?.code).toBe("CRU_TOOL_ARGUMENTS");
    expect(error?.message).toMatch(named);
    expect(error?.hint).toMatch(/./);
    expect(exists("both")).toBe(false);
  });

  test.each([
    ["no tasks at all", []],
    ["a task without a text", [task("touch half"), { agent: "worker" }]],
    ["a task without an agent", [task("touch half"), { task: "x" }]],
    ["a task with a field that does not exist", [task("touch half"), { agent: "worker", task: "x", tsk: 1 }]],
    ["a list within a list", [task("touch half"), { tasks: [task("x")] }]],
  ])("%s", async (_, tasks) => {
    const { isError, error } = await call({ tasks });
    expect(isError).toBe(true);
    expect(error?.code).toBe("CRU_TOOL_ARGUMENTS");
    expect(exists("half")).toBe(false);
  });

  test("null counts as missing: models send both", async () => {
    const batch = await call({ agent: null, task: null, model: null, tasks: [task("say fine")] });
    expect(batch).toMatchObject({ status: "completed", results: [{ result: "fine" }] });
    expect(await call({ agent: "worker", task: "say fine", tasks: null })).toMatchObject({ result: "fine" });
  });
});
