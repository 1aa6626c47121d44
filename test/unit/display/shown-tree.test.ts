/** The order in which an editor is told of a tree of children, in the cases that a real tree brings about only by chance. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DelegationProgress } from "../../../src/base/delegation.ts";
import { Scope } from "../../../src/base/scope.ts";
import { endPatienceMs, maxHeldNotifications, ShownTree } from "../../../src/display/shown-tree.ts";
import type { DelegationRecord } from "../../../src/sessions/records.ts";
import { Session, type SessionInit } from "../../../src/sessions/session.ts";
import type { Peer } from "../../../src/acp/wire.ts";
import { kilnIn } from "../../support/kilns.ts";

interface Sent {
  sessionId: string;
  update: Record<string, unknown> & { state?: { state: string; stopReason?: string } };
}

let sent: Sent[];
let held: string[];
let root: Session;
let tree: ShownTree;
const children = new Map<string, string>();

const editor: Peer = {
  request: () => Promise.reject(new Error("not asked")),
  notify: (_, params) => void sent.push(params as Sent),
};

function session(id: string, parent?: Session): Session {
  const profile = { name: parent ? id : "root" } as SessionInit["profile"];
  return new Session({
    id,
    origin: parent ? "delegation" : "editor",
    profile,
    grant: {} as SessionInit["grant"],
    kiln: kilnIn("/project"),
    cwd: "/project",
    ...(parent ? { parent } : {}),
    title: `task of ${id}`,
    client: editor,
    clientInitialize: { clientCapabilities: { subagents: {} } },
    scope: new Scope(() => {}),
    interceptors: () => [],
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  held = [];
  children.clear();
  root = session("root");
  tree = new ShownTree({
    root,
    record: (id) => ({ childSessionId: children.get(id) ?? null, stopReason: null }) as DelegationRecord,
    keep: () => {},
    holdBack: ({ id }, isHeld) => void held.push(`${id} ${isHeld ? "held" : "let go"}`),
  });
  tree.turnBegins();
});
afterEach(() => vi.useRealTimers());

function tell(id: string, kind: DelegationProgress["kind"], more: Partial<DelegationProgress> = {}): void {
  const common = { delegationId: id, parentId: null, agent: id, title: `task of ${id}`, depth: 1, line: "line" };
  tree.told({ ...common, kind, status: null, at: 0, ...more });
}

/** A delegation whose child has begun. */
function begin(id: string, parent: Session = root, parentId: string | null = null): Session {
  tell(id, "starting", { parentId });
  const child = session(`ses-${id}`, parent);
  tree.add(child);
  children.set(id, child.id);
  tell(id, "started", { parentId });
  return child;
}

const end = (id: string, status: DelegationProgress["status"] = "completed"): void => tell(id, "ended", { status });
const states = (): string[] =>
  sent.flatMap(({ sessionId, update }) =>
    update.sessionUpdate === "subagent_update"
      ? [`${sessionId}/${String(update["sessionId"])} ${update.state?.stopReason ?? update.state?.state}`]
      : [],
  );
const words = (child: Session, text: string): void =>
  tree.hear(child, {
    method: "session/update",
    params: { update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } } },
  });

const question = (
  sessionId: string,
  questionId = "ask_1",
): { sessionId: string; questionId: string; title: string } => ({
  sessionId,
  questionId,
  title: "may I?",
});

describe("a tree of child sessions", () => {
  test("a child whose own child is still shown ends after it", () => {
    const upper = begin("upper");
    begin("lower", upper, "upper");
    end("upper");
    expect(states()).not.toContain("root/ses-upper end_turn");
    end("lower", "cancelled");
    expect(states().slice(-2)).toEqual(["ses-upper/ses-lower cancelled", "root/ses-upper end_turn"]);
  });

  test("a child whose question is still before the user ends after it is answered or withdrawn", () => {
    begin("one");
    tree.asks(question("ses-one"));
    end("one", "cancelled");
    expect(states()).toEqual(["root/ses-one running", "root/ses-one requires_action"]);
    tree.isAnswered(question("ses-one"));
    expect(states().at(-1)).toBe("root/ses-one cancelled");
  });

  test("a child waits for the user until the last of its questions is answered", () => {
    begin("one");
    for (const id of ["ask_1", "ask_2"]) tree.asks(question("ses-one", id));
    tree.isAnswered(question("ses-one", "ask_1"));
    expect(states()).toEqual(["root/ses-one running", "root/ses-one requires_action"]);
    tree.isAnswered(question("ses-one", "ask_2"));
    expect(states().at(-1)).toBe("root/ses-one running");
  });

  test("nothing is told of a child after its last state", () => {
    const child = begin("one");
    end("one");
    const before = sent.length;
    words(child, "late");
    tree.asks(question("ses-one"));
    end("one", "failed");
    tree.end();
    expect(sent).toHaveLength(before);
  });

  test("what a child said before it was announced comes after, the latest of it", () => {
    tell("one", "starting");
    const child = session("ses-one", root);
    tree.add(child);
    for (let index = 0; index < maxHeldNotifications + 5; index++) words(child, `${index}`);
    expect(sent).toEqual([]);
    children.set("one", child.id);
    tell("one", "started");
    expect(sent).toHaveLength(1 + maxHeldNotifications);
    expect(sent[0]!.update["sessionUpdate"]).toBe("subagent_update");
    expect(sent[1]).toMatchObject({ sessionId: "ses-one", update: { content: { text: "5" } } });
  });

  test("when another agent takes over, the first child's outcome is unknown and the second is announced", () => {
    begin("one");
    tell("one", "starting", { agent: "other" });
    const second = session("ses-second", root);
    tree.add(second);
    children.set("one", second.id);
    tell("one", "started", { agent: "other" });
    end("one");
    expect(states()).toEqual([
      "root/ses-one running",
      "root/ses-one unknown",
      "root/ses-second running",
      "root/ses-second end_turn",
    ]);
    expect(sent.findLast(({ update }) => update["title"])!.update["title"]).toBe("other: task of one");
  });

  test("the answer of a cut turn waits for its children, but not for ever; then their outcome is unknown", async () => {
    begin("one");
    let isOver = false;
    const over = tree.turnEnds(true).then(() => (isOver = true));
    await vi.advanceTimersByTimeAsync(endPatienceMs - 1);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await over;
    expect(states().at(-1)).toBe("root/ses-one unknown");
    expect(sent.at(-1)).toMatchObject({ sessionId: "root", update: { toolCallId: "crucible:one" } });
  });

  test("the answer of a turn that ended by itself waits for nobody who goes on", async () => {
    begin("one");
    await tree.turnEnds(false);
    expect(states().at(-1)).toBe("root/ses-one unknown");
  });

  test("one that waits or starts when the turn ends is a card from then on", async () => {
    tell("one", "queued");
    await tree.turnEnds(false);
    expect(sent.map(({ update }) => update["sessionUpdate"])).toEqual(["tool_call"]);
    const child = session("ses-one", root);
    tree.add(child);
    children.set("one", child.id);
    tell("one", "started");
    words(child, "hello");
    await vi.advanceTimersByTimeAsync(1000);
    end("one");
    expect(sent.map(({ update }) => update["toolCallId"])).toEqual(sent.map(() => "crucible:one"));
    expect(sent.at(-1)!.update["status"]).toBe("completed");
  });

  test("a child of one that is a card is a card too, also in a later turn", async () => {
    const upper = begin("upper");
    await tree.turnEnds(false);
    tree.turnBegins();
    begin("lower", upper, "upper");
    expect(states()).toEqual(["root/ses-upper running", "root/ses-upper unknown"]);
    expect(sent.at(-1)).toMatchObject({
      update: { toolCallId: "crucible:lower", title: "upper › lower: task of lower" },
    });
  });

  test("at the end of the root all that is shown ends, the lowest first", () => {
    const upper = begin("upper");
    begin("lower", upper, "upper");
    tree.asks(question("ses-lower"));
    tree.end();
    expect(states().slice(-2)).toEqual(["ses-upper/ses-lower cancelled", "root/ses-upper cancelled"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("children that are shown in full wait while the editor cannot take more", async () => {
    begin("one");
    tree.congested(true);
    begin("two");
    tree.congested(true);
    end("one");
    tree.congested(false);
    begin("three");
    expect(held).toEqual(["ses-one held", "ses-two held", "ses-one let go", "ses-two let go"]);
  });

  test("only a child that is shown and at work can be cancelled", async () => {
    const child = begin("one");
    expect(tree.cancellable("ses-one")).toBe(child);
    expect(tree.cancellable("root")).toBeUndefined();
    const over = tree.turnEnds(false);
    await vi.advanceTimersByTimeAsync(endPatienceMs);
    await over;
    expect(tree.cancellable("ses-one")).toBeUndefined();
  });
});
