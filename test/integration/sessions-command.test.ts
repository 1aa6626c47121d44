/** `crucible sessions` and `crucible cancel`, as a user types them: with a daemon, and without one. */
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { StoredDetail, StoredMessage, StoredSession } from "../../src/control/stored.ts";
import { createBus } from "../../src/observe/bus.ts";
import { openStore } from "../../src/sessions/store.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type Finished, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { delegateLine, inKiln, openParent, script, type Parent } from "./delegating.ts";

let daemon: TestDaemon;
let parent: Parent;
let delegationId: string;
let childId: string;

/** A daemon with one conversation, which is open, and one delegation in it. */
async function open(): Promise<void> {
  daemon = await startDaemon({
    config: [scriptedProfile("parent", { delegation: "enabled = true" }), scriptedProfile("worker")].join("\n"),
  });
  parent = await openParent(daemon, "parent");
  await parent.prompt(script("say a needle in the haystack", 'tool {"title":"Look around"}'));
  const { delegation_id: id, session_id: session } = await parent.delegate({
    agent: "worker",
    description: "Small task",
    task: "say found the Thimble",
  });
  [delegationId, childId] = [id, session!];
}

async function close(): Promise<void> {
  await parent[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
}

function crucible(...args: string[]): Promise<Finished> {
  return daemon.home.crucible([...args, ...daemon.home.place]);
}

async function json<T>(...args: string[]): Promise<T> {
  const { stdout, stderr, code } = await crucible(...args, "--json");
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout) as T;
}

const idsOf = (sessions: readonly StoredSession[]): string[] => sessions.map(({ id }) => id);

/** What holds whether a daemon runs or not. */
function readingWorks(state: string): void {
  test("list shows what people opened, and what delegations opened on request", async () => {
    const listed = await json<StoredSession[]>("sessions", "list");
    expect(listed).toMatchObject([
      { id: parent.session, agent: "parent", state, delegations: 1, origin: "editor", cwd: daemon.kiln },
    ]);
    expect(listed[0]!.title).toMatch(/^say a needle/);
    expect(idsOf(await json("sessions", "list", "--all")).toSorted()).toEqual([parent.session, childId].toSorted());
    expect(idsOf(await json("sessions", "list", "--all", "--agent", "worker"))).toEqual([childId]);
    expect(await json("sessions", "list", "--all", "--limit", "1")).toHaveLength(1);
    const { stdout } = await crucible("sessions", "list");
    expect(stdout).toMatch(/^ID +WHEN +AGENT +STATE/);
    expect(stdout).toContain(parent.session);
  });

  test("a search finds what was said, done, asked for and answered, whatever its case, and says where", async () => {
    for (const [text, ids] of [
      ["NEEDLE in the", [parent.session]],
      ["look around", [parent.session]],
      ["Small task", [parent.session, childId]],
      ["found the thimble", [parent.session, childId]],
      ["sessionUpdate", []],
      ["100%_nothing", []],
    ] as const) {
      const found = await json<StoredSession[]>("sessions", "list", "--search", text);
      expect(idsOf(found).toSorted()).toEqual([...ids].toSorted());
      for (const { found: place } of found) expect(place!.toLowerCase()).toContain(text.toLowerCase());
    }
  });

  test("show tells of lineage, turns and delegations, of either kind of id and of its beginning", async () => {
    const { session } = await json<StoredDetail>("sessions", "show", parent.session.slice(4, 12));
    expect(session).toMatchObject({
      id: parent.session,
      lineage: [],
      turns: [
        { prompt: expect.stringContaining("needle"), toolCalls: 1, stopReason: "end_turn" },
        { prompt: expect.stringContaining("delegate"), stopReason: "end_turn" },
      ],
      delegationTree: [
        { id: delegationId, agent: "worker", status: "completed", sessionId: childId, title: "Small task" },
      ],
    });
    const detail = await json<StoredDetail>("sessions", "show", delegationId);
    expect(detail.delegation).toMatchObject({ result: "found the Thimble", callerSessionId: parent.session });
    expect(detail.session).toMatchObject({ id: childId, lineage: [{ id: parent.session, agent: "parent" }] });
    const { stdout } = await crucible("sessions", "show", delegationId);
    for (const words of ["found the Thimble", "say found", "completed", parent.session])
      expect(stdout).toContain(words);
    const unknown = await crucible("sessions", "show", "ses_nothing");
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toMatch(/CRU_SESSION_UNKNOWN/);
    expect((await crucible("sessions", "show", "ses_")).stderr).toMatch(/beginning of several/);
  });

  test("export gives the conversation to read, and message by message", async () => {
    const markdown = await crucible("sessions", "export", parent.session);
    expect(markdown.code).toBe(0);
    expect(markdown.stdout).toMatch(/^# say a needle/);
    expect(markdown.stdout).toMatch(/## You, .*\n\nsay a needle in the haystack\n/);
    expect(markdown.stdout).toMatch(/\na needle in the haystack\n\n- \*\*Look around\*\* \(other, completed\)\n/);
    expect(markdown.stdout).toContain(`- **Small task** by worker: completed (\`${delegationId}\`)`);
    const lines = (await crucible("sessions", "export", delegationId, "--format", "jsonl")).stdout
      .trimEnd()
      .split("\n");
    const asJson = await crucible("sessions", "export", delegationId, "--json");
    expect(asJson.stdout.trimEnd().split("\n")).toEqual(lines);
    const messages = lines.map((line) => JSON.parse(line) as StoredMessage);
    expect(messages.map(({ number }) => number)).toEqual(messages.map((_, index) => index + 1));
    expect(messages.map(({ from, method }) => `${from} ${method}`)).toEqual([
      "client session/prompt",
      "agent session/update",
      "agent session/prompt",
    ]);
    expect(messages[1]).toMatchObject({ sessionId: childId, params: { sessionId: childId } });
  });

  test("what is typed wrong is told at once", async () => {
    expect((await crucible("sessions", "list", "--limit", "0")).code).toBe(2);
    expect((await crucible("sessions", "list", "--search", "")).code).toBe(2);
    expect((await crucible("sessions", "list", "--search", "x".repeat(1001))).stderr).toMatch(/of 1 to 1000 char/);
    expect((await crucible("sessions", "export", parent.session, "--format", "html")).code).toBe(2);
    expect((await crucible("sessions", "export", parent.session, "--format", "markdown", "--json")).code).toBe(2);
    expect((await crucible("sessions", "show")).code).toBe(2);
    expect((await crucible("sessions")).code).toBe(2);
  });
}

describe("with a daemon", () => {
  shareAmongTests({ open, close });

  readingWorks("idle");

  test("permission decisions are shown with the tree they were made in", async () => {
    const store = openStore(daemon.home.stateDirectory, createBus());
    const decision = { rootId: parent.session, at: 5, kind: "execute", title: "t", detail: "" } as const;
    const by = { decision: "denied", decidedBy: "rule deny execute:rm *" } as const;
    store.savePermission({ ...decision, ...by, id: "ask_test", sessionId: childId, subject: "rm -rf /" });
    store.close();
    const { session } = await json<StoredDetail>("sessions", "show", parent.session, "--permissions");
    expect(session!.permissions).toContainEqual(expect.objectContaining({ agent: "worker", subject: "rm -rf /" }));
    const { stdout } = await crucible("sessions", "show", childId, "--permissions");
    expect(stdout).toMatch(/worker +denied +execute rm -rf \/ +by rule deny execute:rm \*/);
    expect((await json<StoredDetail>("sessions", "show", childId)).session).not.toHaveProperty("permissions");
  });

  test("what is open is not deleted, nor anything of its tree", async () => {
    for (const id of [parent.session, childId, delegationId]) {
      const refused = await crucible("sessions", "delete", id);
      expect(refused.code).toBe(6);
      expect(refused.stderr).toMatch(/CRU_SESSION_LIVE/);
    }
    expect(await json("sessions", "list", "--all")).toHaveLength(2);
  });
});

describe("cancel", () => {
  shareAmongTests({ open, close });

  const task = script("touch c.began", "hang");
  const began = (): Promise<unknown> =>
    until(() => existsSync(inKiln(daemon, "c.began")), { what: "the child to begin" });

  test("a delegation ends as cancelled, and its caller is told and goes on", async () => {
    await using other = await openParent(daemon, "parent");
    const turn = other.delegate({ agent: "worker", task });
    await began();
    const { delegationTree } = (await json<StoredDetail>("sessions", "show", other.session)).session!;
    const cancelled = await json("cancel", delegationTree[0]!.id.slice(4));
    expect(cancelled).toEqual({ id: delegationTree[0]!.id, cancelled: [delegationTree[0]!.id] });
    expect(await turn).toMatchObject({ status: "cancelled", error: { message: expect.stringContaining("user") } });
    const again = await crucible("cancel", delegationTree[0]!.id);
    expect(again.code).toBe(6);
    expect(again.stderr).toMatch(/has ended: cancelled/);
    expect((await other.prompt("say still here")).text).toBe("still here");
  });

  test("a session's turn ends, and what it had delegated with it", async () => {
    await using other = await openParent(daemon, "parent");
    const turn = other.prompt(delegateLine({ agent: "worker", task: script("touch c.began2", "hang") }));
    await until(() => existsSync(inKiln(daemon, "c.began2")), { what: "the child to begin" });
    const { cancelled } = await json<{ cancelled: string[] }>("cancel", other.session);
    expect(cancelled[0]).toBe(other.session);
    expect(cancelled).toHaveLength(2);
    expect((await turn).stopReason).toBe("cancelled");
    expect((await crucible("cancel", other.session)).code).toBe(6);
    expect((await crucible("cancel", "nobody")).code).toBe(2);
  });
});

describe("without a daemon", () => {
  const openAndEnd = async (): Promise<void> => {
    await open();
    await parent[Symbol.asyncDispose]();
    await daemon.stop();
  };

  describe("what is stored", () => {
    shareAmongTests({ open: openAndEnd, close });

    readingWorks("ended");

    test("there is nothing to cancel, and no daemon is started to find that out", async () => {
      const { code, stderr } = await crucible("cancel", childId);
      expect(code).toBe(3);
      expect(stderr).toMatch(/CRU_DAEMON_UNREACHABLE/);
      expect(existsSync(daemon.home.socket)).toBe(false);
    });
  });

  describe("a session", () => {
    shareAmongTests({ open: openAndEnd, close });

    test("is deleted with all that descends from it, and is not found again", async () => {
      const deleted = await json<{ sessions: string[]; delegations: string[] }>("sessions", "delete", parent.session);
      expect(deleted.sessions.toSorted()).toEqual([parent.session, childId].toSorted());
      expect(deleted.delegations).toEqual([delegationId]);
      expect(await json("sessions", "list", "--all")).toEqual([]);
      expect((await crucible("sessions", "show", childId)).code).toBe(2);
    });
  });
});
