/** Cancelling, closing, crashing: who goes down takes along all that was delegated, at once and without a trace. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  allSessions,
  assertIdle,
  assertNoChildren,
  callDelegate,
  control,
  delegateLine,
  inKiln,
  openParent,
  pidOfWorking,
  script,
  type Parent,
} from "./delegating.ts";

const config = [
  scriptedProfile("parent", { delegation: "enabled = true\nmax_depth = 3" }),
  scriptedProfile("deaf-parent", { flags: ["--no-forward-cancel"], delegation: "enabled = true\nmax_depth = 3" }),
  scriptedProfile("middle", { delegation: "enabled = true\nmax_depth = 3" }),
  scriptedProfile("leaf"),
  scriptedProfile("slow", { flags: ["--slow-session", "never-made"] }),
  scriptedProfile("stubborn", { flags: ["--ignore-sigterm", "--ignore-eof"] }),
].join("\n");

let daemon: TestDaemon;
shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  check: () => assertIdle(daemon),
  close: () => daemon[Symbol.asyncDispose](),
});

/** Two levels below the parent, each noting when it has begun. */
const tree = (name: string): string =>
  delegateLine({
    agent: "middle",
    task: script(`touch ${name}.middle`, delegateLine({ agent: "leaf", task: script(`touch ${name}.leaf`, "hang") })),
  });

async function began(name: string): Promise<void> {
  await until(() => existsSync(inKiln(daemon, name)), { what: `${name} to be made` });
}

describe("session/cancel of the parent's turn", () => {
  test.each(["parent", "deaf-parent"])("ends all levels below it, and the session goes on (%s)", async (agent) => {
    await using parent = await openParent(daemon, agent);
    const turn = parent.startTurn(tree(`cancel-${agent}`));
    await began(`cancel-${agent}.leaf`);
    parent.editor.cancel(parent.session);
    expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
    await assertNoChildren(daemon);
    expect((await parent.prompt("say still here")).text).toBe("still here");
    expect(await parent.delegate({ agent: "leaf", task: "say and able" })).toMatchObject({ status: "completed" });
  });

  test("gives up a child that is only starting", async () => {
    await using parent = await openParent(daemon, "parent");
    const turn = parent.startTurn(delegateLine({ agent: "slow", task: "touch slow.prompted" }));
    await until(async () => (await allSessions(daemon)).some(({ agent }) => agent === "slow"), { what: "the start" });
    parent.editor.cancel(parent.session);
    await turn.answer();
    await assertNoChildren(daemon);
    expect(existsSync(inKiln(daemon, "slow.prompted"))).toBe(false);
  });

  test("before the child has begun leaves none behind", async () => {
    await using parent = await openParent(daemon, "parent");
    for (let round = 0; round < 5; round++) {
      const turn = parent.startTurn(delegateLine({ agent: "leaf", task: "hang" }));
      parent.editor.cancel(parent.session);
      expect(await turn.answer()).toMatchObject({ result: { stopReason: "cancelled" } });
    }
    await assertNoChildren(daemon);
  });

  test("leaves another session of the same editor alone", async () => {
    await using parent = await openParent(daemon, "parent");
    const second = await parent.editor.newSession(daemon.kiln);
    const other = parent.editor.prompt(
      second,
      delegateLine({ agent: "leaf", task: script("touch o.began", "wait-for o.go", "say done") }),
    );
    await began("o.began");
    const turn = parent.startTurn(delegateLine({ agent: "leaf", task: script("touch o2.began", "hang") }));
    await began("o2.began");
    parent.editor.cancel(parent.session);
    await turn.answer();
    await parent.prompt("touch o.go");
    expect(JSON.parse((await other).text)).toMatchObject({ status: "completed", result: "done" });
  });
});

describe("cancelling one call", () => {
  test("ends that child and no other", async () => {
    await using parent = await openParent(daemon, "parent");
    const tools = await parent.tools();
    const giveUp = new AbortController();
    const doomed = callDelegate(
      tools,
      { agent: "leaf", task: script("touch call.doomed", "hang") },
      { signal: giveUp.signal },
    ).catch((error: unknown) => error);
    const spared = callDelegate(tools, {
      agent: "leaf",
      task: script("touch call.spared", "wait-for call.go", "say spared"),
    });
    await Promise.all([began("call.doomed"), began("call.spared")]);
    giveUp.abort();
    expect(await doomed).toBeInstanceOf(Error);
    await until(async () => (await allSessions(daemon)).filter(({ depth }) => depth > 0).length === 1, {
      what: "the cancelled child to end",
    });
    await parent.prompt("touch call.go");
    expect((await spared).result).toMatchObject({ status: "completed", result: "spared" });
    await tools.close();
  });

  test("tells the child with session/cancel before it ends its process", async () => {
    await using parent = await openParent(daemon, "parent");
    const tools = await parent.tools();
    const giveUp = new AbortController();
    const task = script(`touch told.began`, "hang");
    const call = callDelegate(tools, { agent: "leaf", task }, { signal: giveUp.signal }).catch(() => undefined);
    await began("told.began");
    giveUp.abort();
    await call;
    await assertNoChildren(daemon);
    await tools.close();
  });
});

describe("the parent's end", () => {
  test("session/close ends what that session had delegated, and no other session's", async () => {
    await using parent = await openParent(daemon, "parent");
    const second = await parent.editor.newSession(daemon.kiln);
    parent.startTurn(tree("close"));
    await began("close.leaf");
    await parent.editor.request("session/close", { sessionId: parent.session });
    await assertNoChildren(daemon);
    expect((await parent.editor.prompt(second, "say alive")).text).toBe("alive");
  });

  test("the crash of its agent ends its children, and the editor is told why", async () => {
    await using parent = await openParent(daemon, "parent");
    const turn = parent.startTurn(tree("crash"));
    await began("crash.leaf");
    process.kill(await pidOfWorking(daemon, "parent"), "SIGKILL");
    const { error } = await turn.answer();
    expect(error?.message).toMatch(/parent.*SIGKILL/);
    await until(async () => (await allSessions(daemon)).every(({ depth }) => depth === 0), { what: "the children" });
  });

  test("the crash of a child in the middle ends its own children, and the parent gets a result", async () => {
    await using parent = await openParent(daemon, "parent");
    const turn = parent.startTurn(tree("mid"));
    await began("mid.leaf");
    process.kill(await pidOfWorking(daemon, "middle"), "SIGKILL");
    await turn.answer();
    expect(JSON.parse(parent.editor.text(parent.session))).toMatchObject({
      status: "failed",
      error: { code: "CRU_AGENT_EXITED" },
    });
    await assertNoChildren(daemon);
  });
});

describe("the editor goes away", () => {
  const family = (name: string): string =>
    script(
      "spawn-grandchild setsid",
      delegateLine({
        agent: "middle",
        task: script(
          "spawn-grandchild setsid",
          delegateLine({
            agent: "stubborn",
            task: script("spawn-grandchild setsid", `touch ${name}.began`, "hang-hard"),
          }),
        ),
      }),
    );

  /** What is promised is five seconds of a machine that runs: by how much this one is late shows in a quick command. */
  async function lateness(): Promise<number> {
    const startedAt = performance.now();
    await daemon.crucible(["status", ...daemon.home.place]);
    return Math.max(0, performance.now() - startedAt - 500);
  }

  test.each([
    ["by closing its end", (parent: Parent) => parent.editor.endInput()],
    ["killed", (parent: Parent) => parent.editor.kill("SIGKILL")],
  ])("%s: within five seconds nothing of the tree is left", async (how, leave) => {
    const name = how.replaceAll(" ", "-");
    const parent = await openParent(daemon, "parent");
    parent.startTurn(family(name));
    await began(`${name}.began`);
    // Three agents, a process of each in a session of its own, the editor's pipe, and the daemon.
    expect(daemon.home.processes().length).toBeGreaterThanOrEqual(8);
    const lateMs = await lateness();
    leave(parent);
    await assertIdle(daemon, { timeoutMs: 5000 + 4 * lateMs });
  });

  test("one of two: the other's children work on", async () => {
    await using stays = await openParent(daemon, "parent");
    const leaves = await openParent(daemon, "parent");
    const turn = stays.startTurn(
      delegateLine({ agent: "leaf", task: script("touch two.stays", "wait-for two.go", "say stayed") }),
    );
    leaves.startTurn(delegateLine({ agent: "leaf", task: script("touch two.leaves", "hang") }));
    await Promise.all([began("two.stays"), began("two.leaves")]);
    leaves.editor.kill("SIGKILL");
    await until(async () => (await allSessions(daemon)).length === 2, { what: "one tree to be gone" });
    await using third = await openParent(daemon, "parent");
    await third.prompt("touch two.go");
    await turn.answer();
    expect(stays.editor.text(stays.session)).toContain('"result":"stayed"');
  });
});

describe("a delegation from the control door", () => {
  test("ends when its caller goes away", async () => {
    const door = await control(daemon);
    const answer = door
      .request("delegate", { agent: "leaf", task: script("touch door.began", "hang"), cwd: daemon.kiln })
      .catch((error: unknown) => error);
    await began("door.began");
    door[Symbol.dispose]();
    expect(await answer).toBeInstanceOf(Error);
  });

  test("is cancelled by $/cancel_request, and still answers with what came of it", async () => {
    using door = await control(daemon);
    const giveUp = new AbortController();
    const answer = door.request(
      "delegate",
      { agent: "leaf", task: script("say so far", "touch door2.began", "hang"), cwd: daemon.kiln },
      { signal: giveUp.signal },
    );
    await began("door2.began");
    giveUp.abort();
    expect(await answer).toMatchObject({
      status: "cancelled",
      stop_reason: "cancelled",
      result: "so far",
      error: { code: "CRU_DELEGATION_CANCELLED" },
    });
  });
});
