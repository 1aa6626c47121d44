/** What is written down of a conversation: read back from the store of a daemon that ran it. */
import { expect, test } from "vitest";
import { createBus } from "../../src/observe/bus.ts";
import type { RelayedMessage, Store } from "../../src/sessions/records.ts";
import { openStore } from "../../src/sessions/store.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { control, delegateLine, openParent, script } from "./delegating.ts";

let daemon: TestDaemon;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({
      config: [
        scriptedProfile("parent", { flags: ["--memory", "parent.memory"], delegation: "enabled = true" }),
        scriptedProfile("worker"),
      ].join("\n"),
    });
  },
  close: () => daemon[Symbol.asyncDispose](),
});

/** Reads what is stored, while the daemon runs; it writes a moment later than it relays. */
function stored<T>(read: (store: Store) => T): T {
  const store = openStore(daemon.home.stateDirectory, createBus());
  try {
    return read(store);
  } finally {
    store.close();
  }
}

/** Said, asked or answered, in a few words. */
function gist({ from, method, params }: RelayedMessage): string {
  const { update, prompt, answer } = params as {
    update?: { sessionUpdate: string; content?: { text?: string }; title?: string };
    prompt?: { text: string }[];
    answer?: unknown;
  };
  const what = update
    ? `${update.sessionUpdate} ${update.content?.text ?? update.title ?? ""}`
    : (prompt?.[0]?.text ?? "");
  return `${from} ${method.replace("session/", "")} ${what}${answer ? JSON.stringify(answer) : ""}`.trim();
}

test("a conversation is written down as it was relayed, with what it is about, what it cost and how it ended", async () => {
  const parent = await openParent(daemon, "parent");
  parent.editor.onRequest("session/request_permission", () => ({
    outcome: { outcome: "selected", optionId: "allow" },
  }));
  await parent.prompt(script("say one ", "say two", 'tool {"title":"Look"}', "ask", "usage 42"));
  await parent.prompt("say three");
  await parent[Symbol.asyncDispose]();
  await expect.poll(() => stored((store) => store.findSession(parent.session)?.endedAt)).not.toBeNull();

  const messages = stored((store) => store.messagesOf(parent.session));
  expect(messages.map(gist)).toEqual([
    expect.stringMatching(/^client prompt say one/),
    "agent update agent_message_chunk one\ntwo",
    "agent update tool_call Look",
    "agent update tool_call_update",
    "agent request_permission",
    'client request_permission {"outcome":{"outcome":"selected","optionId":"allow"}}',
    expect.stringMatching(/^agent update agent_message_chunk .*selected/),
    "agent update usage_update",
    expect.stringMatching(/^agent prompt .*"stopReason":"end_turn"/),
    "client prompt say three",
    "agent update agent_message_chunk three",
    expect.stringMatching(/^agent prompt .*"stopReason":"end_turn"/),
  ]);
  expect(new Set(messages.map(({ params }) => (params as { sessionId?: string }).sessionId))).toEqual(
    new Set([parent.session, undefined]),
  );
  expect(stored((store) => store.findSession(parent.session))).toMatchObject({
    title: 'say one say two tool {"title":"Look"} ask usage 42',
    usage: { tokens: 42 },
    endReason: "the editor closed its connection",
  });
});

test("the title that the agent gives counts more than the first words of the user", async () => {
  await using parent = await openParent(daemon, "parent");
  await parent.prompt(
    script("say x", 'update {"sessionUpdate":"session_info_update","title":"Named \\u001b[31mby the agent"}'),
  );
  await parent.prompt("say y");
  await expect.poll(() => stored((store) => store.findSession(parent.session)?.title)).toBe("Named [31mby the agent");
});

test("a child's conversation is written down too, under its parent", async () => {
  await using parent = await openParent(daemon, "parent");
  const { session_id: childId } = await parent.delegate({ agent: "worker", task: "say done" });
  expect(stored((store) => store.findSession(childId!)?.parentId)).toBe(parent.session);
  const gists = (): string[] => stored((store) => store.messagesOf(childId!)).map(gist);
  await expect.poll(gists).toContain("agent update agent_message_chunk done");
});

test("a conversation that is loaded while it is open is not written down twice, nor passed on twice", async () => {
  await using parent = await openParent(daemon, "parent");
  await parent.prompt("say remembered once");
  const messages = (): RelayedMessage[] => stored((store) => store.messagesOf(parent.session));
  await expect.poll(messages).toHaveLength(3);
  const before = messages();
  for (let round = 0; round < 2; round++) {
    await parent.editor.request("session/load", { sessionId: parent.session, cwd: daemon.kiln, mcpServers: [] });
  }
  expect(parent.editor.text(parent.session).split("remembered once").length).toBeGreaterThan(2);
  const passedOn = await parent.prompt(
    delegateLine({ agent: "worker", task: "heard", context_depth: "all" } as Parameters<typeof delegateLine>[0]),
  );
  expect(passedOn.text.split("say remembered once").length - 1).toBe(1);
  await expect.poll(messages).not.toHaveLength(before.length);
  expect(gist(messages()[before.length]!)).toMatch(/^client prompt delegate/);
});

test("a conversation of which nothing is stored is written down when it is loaded, once", async () => {
  const first = await openParent(daemon, "parent");
  await first.prompt("say from before");
  await first[Symbol.asyncDispose]();
  // An editor has the agent's own id of what it talked about before Crucible was there.
  const id = stored((store) => {
    const { agentSessionId } = store.findSession(first.session)!;
    store.deleteSession(first.session);
    return agentSessionId!;
  });
  await using second = await openParent(daemon, "parent");
  for (let round = 0; round < 2; round++) {
    await second.editor.request("session/load", { sessionId: id, cwd: daemon.kiln, mcpServers: [] });
  }
  const gists = (): string[] => stored((store) => store.messagesOf(id)).map(gist);
  await expect
    .poll(gists)
    .toEqual(["agent update user_message_chunk say from before", "agent update agent_message_chunk from before"]);
});

test("the status tells that all is kept", async () => {
  using client = await control(daemon);
  expect((await client.request("status", {})).store).toEqual({ degradedSince: null, reason: null, lost: 0 });
});
