/** How many children of one session run at once, and what becomes of those that wait. */
import { existsSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  allSessions,
  endOf,
  assertNoChildren,
  callDelegate,
  control,
  delegateLine,
  inKiln,
  nested,
  openParent,
  script,
  type Parent,
} from "./delegating.ts";

const config = [
  scriptedProfile("wide", { delegation: "enabled = true\nmax_concurrent_delegations = 4" }),
  scriptedProfile("narrow", { delegation: "enabled = true\nmax_depth = 2\nmax_concurrent_delegations = 1" }),
  scriptedProfile("middle", { delegation: "enabled = true\nmax_concurrent_delegations = 1" }),
  scriptedProfile("worker"),
].join("\n");

let daemon: TestDaemon;
let wide: Parent;
let narrow: Parent;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    [wide, narrow] = await Promise.all([openParent(daemon, "wide"), openParent(daemon, "narrow")]);
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, [wide, narrow]),
});

const exists = (name: string): boolean => existsSync(inKiln(daemon, name));
const make = (name: string): void => writeFileSync(inKiln(daemon, name), "");

test("calls made in one turn run at the same time", async () => {
  // Each of them ends only after all others have begun.
  const names = ["p0", "p1", "p2", "p3"];
  const task = (name: string): string =>
    script(`touch ${name}`, ...names.map((other) => `wait-for ${other}`), `say ${name}`);
  const results = await wide.delegateAll(names.map((name) => ({ agent: "worker", task: task(name) })));
  expect(results.map(({ status, result }) => [status, result])).toEqual(names.map((name) => ["completed", name]));
});

test("more than max_concurrent_delegations wait, and run in order as places become free", async () => {
  const names = ["q0", "q1", "q2"];
  const turn = narrow.startTurn(
    `delegates ${JSON.stringify(
      names.map((name) => ({
        agent: "worker",
        task: script(`touch ${name}.began`, `wait-for ${name}.go`, `say ${name}`),
      })),
    )}`,
  );
  for (const [index, name] of names.entries()) {
    await until(() => exists(`${name}.began`), { what: `${name} to begin` });
    await until(() => counts().then(({ queued }) => queued === names.length - 1 - index), { what: "the rest to wait" });
    expect(await counts()).toEqual({ running: 1, queued: names.length - 1 - index });
    expect(names.slice(index + 1).filter((later) => exists(`${later}.began`))).toEqual([]);
    make(`${name}.go`);
  }
  expect(await turn.answer()).toMatchObject({ result: { stopReason: "end_turn" } });
  expect(narrow.editor.text(narrow.session)).toMatch(/"result":"q0".*"result":"q1".*"result":"q2"/);
});

test("one that waits shows in `crucible ps` as queued, without a session", async () => {
  const turn = narrow.startTurn(
    `delegates ${JSON.stringify([
      { agent: "worker", task: "wait-for ps.go" },
      { agent: "worker", task: "say second", description: "The second one" },
    ])}`,
  );
  const waiting = await until(async () => (await allSessions(daemon)).find(({ state }) => state === "queued"), {
    what: "a queued one",
  });
  expect(waiting).toMatchObject({ sessionId: null, pid: null, agent: "worker", depth: 1 });
  expect(waiting.delegation?.title).toBe("The second one");
  make("ps.go");
  await turn.answer();
});

test("one that is cancelled while it waits never starts, and those before and behind it are unharmed", async () => {
  const tools = await narrow.tools();
  try {
    const first = callDelegate(tools, { agent: "worker", task: script("touch c0.began", "wait-for c.go", "say c0") });
    await until(() => exists("c0.began"), { what: "the first to begin" });
    const giveUp = new AbortController();
    const second = callDelegate(tools, { agent: "worker", task: "touch c1.began" }, { signal: giveUp.signal });
    const failure = second.catch((error: unknown) => error);
    await until(() => counts().then(({ queued }) => queued === 1), { what: "the second to wait" });
    const third = callDelegate(tools, { agent: "worker", task: script("touch c2.began", "say c2") });
    await until(() => counts().then(({ queued }) => queued === 2), { what: "the third to wait" });

    giveUp.abort();
    expect(await failure).toBeInstanceOf(Error);
    await until(() => counts().then(({ queued }) => queued === 1), { what: "the second to leave the queue" });
    make("c.go");
    expect((await first).result).toMatchObject({ status: "completed", result: "c0" });
    expect((await third).result).toMatchObject({ status: "completed", result: "c2" });
    expect(exists("c1.began")).toBe(false);
  } finally {
    await tools.close();
  }
});

test("cancelling the turn cancels those that wait too: none of them starts", async () => {
  const calls = ["d0", "d1", "d2"].map((name) => ({ agent: "worker", task: script(`touch ${name}.began`, "hang") }));
  const turn = narrow.startTurn(`delegates ${JSON.stringify(calls)}`);
  await until(() => exists("d0.began"), { what: "the first to begin" });
  await until(() => counts().then(({ queued }) => queued === 2), { what: "the others to wait" });
  narrow.editor.cancel(narrow.session);
  expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
  await assertNoChildren(daemon);
  expect(["d1.began", "d2.began"].filter(exists)).toEqual([]);
});

test("a place is free again however its delegation ended", async () => {
  for (const task of ["say fine", "exit 3", "stop refusal", "fail -32000 no", "die SIGKILL"]) {
    await narrow.delegate({ agent: "worker", task });
  }
  expect(await narrow.delegate({ agent: "nonexistent", task: "x" })).toMatchObject({ status: "refused" });
  expect(await narrow.delegate({ agent: "gemini", task: "x" })).toMatchObject({ status: "failed" });
  expect(await narrow.delegate({ agent: "worker", task: "say free" })).toMatchObject({ result: "free" });
});

test("a child's own children do not take its parent's places: one place at each level is enough for a tree", async () => {
  const result = await narrow.delegate({
    agent: "middle",
    task: delegateLine({ agent: "worker", task: "say from below" }),
  });
  expect(nested(result)).toMatchObject({ status: "completed", result: "from below" });
});

async function counts(): Promise<{ running: number; queued: number }> {
  using door = await control(daemon);
  return (await door.request("status", {})).delegations;
}
