/**
 * `session/list`, `load`, `resume`, `close` and `delete` (ACP, "Session Setup", "Session List"): for agents that can do these
 * themselves and for those that cannot, where Crucible answers from its store.
 */
import { describe, expect, test } from "vitest";
import type { AcpClient, SessionUpdate } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { delegateLine, script } from "./delegating.ts";

const nothing = '{"loadSession":false,"sessionCapabilities":{"list":null,"resume":null,"close":null,"delete":null}}';
const resumesOnly = '{"loadSession":false,"sessionCapabilities":{"list":null,"close":null,"delete":null}}';

const config = [
  "[limits]\ngrace_seconds = 0.2",
  scriptedProfile("plain", { flags: ["--capabilities", nothing], delegation: "enabled = true" }),
  scriptedProfile("resumes", { flags: ["--memory", "resumes.memory", "--capabilities", resumesOnly] }),
  scriptedProfile("able", { flags: ["--memory", "able.memory"] }),
  scriptedProfile("late", { flags: ["--memory", "late.memory", "--late-replay"] }),
  scriptedProfile("other"),
  scriptedProfile("worker"),
].join("\n");

let daemon: TestDaemon;
shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  close: () => daemon[Symbol.asyncDispose](),
});

async function editorOf(profile: string): Promise<AcpClient> {
  const editor = daemon.editor(profile);
  await editor.initialize();
  return editor;
}

/** A conversation that was held and whose editor has gone. */
async function held(profile: string, ...prompts: string[]): Promise<string> {
  const editor = await editorOf(profile);
  const session = await editor.newSession(daemon.kiln);
  for (const prompt of prompts) await editor.prompt(session, prompt);
  await editor.end();
  return session;
}

const place = () => ({ cwd: daemon.kiln, mcpServers: [] });

interface Entry {
  sessionId: string;
  cwd: string;
  title?: string;
  updatedAt?: string;
}

async function list(editor: AcpClient, params: object = {}): Promise<{ sessions: Entry[]; nextCursor?: string }> {
  return editor.request("session/list", params);
}

function toldIn(updates: SessionUpdate["update"][]): string[] {
  return updates.map(({ sessionUpdate, content, status }) => [sessionUpdate, content?.text ?? status].join(": "));
}

test("every agent is said to be able to, whatever it says of itself", async () => {
  const editor = daemon.editor("plain");
  const { agentCapabilities } = await editor.initialize();
  expect(agentCapabilities).toMatchObject({
    loadSession: true,
    sessionCapabilities: { list: {}, resume: {}, close: {}, delete: {}, fork: {} },
  });
  await editor.end();
});

describe("session/load", () => {
  test("of an agent that cannot: the store tells all that was said, in order and before the answer", async () => {
    const tool = 'tool {"title":"Look","toolCallId":"t1"}';
    const plan = 'update {"sessionUpdate":"plan","entries":[]}';
    const commands = 'update {"sessionUpdate":"available_commands_update","availableCommands":[]}';
    const session = await held("plain", script("say one", plan, tool, commands, "say two"), "say three");
    const editor = await editorOf("plain");
    const answer = await editor.request("session/load", { sessionId: session, ...place() });
    expect(answer).not.toHaveProperty("sessionId");
    expect(editor.received.at(-1)).toMatchObject({ result: answer });
    expect(toldIn(editor.updates(session))).toEqual([
      `user_message_chunk: ${script("say one", plan, tool, commands, "say two")}`,
      "agent_message_chunk: one",
      "plan: ",
      "tool_call: pending",
      "tool_call_update: completed",
      "agent_message_chunk: two",
      "user_message_chunk: say three",
      "agent_message_chunk: three",
      "agent_message_chunk: \n\n— plain was started anew and does not remember this conversation; it is given what was said so far —\n\n",
    ]);
    const { text } = await editor.prompt(session, "heard");
    expect(text).toContain("> three");
    await editor.end();
  });

  test("of an agent that cannot: the cards of its delegations are shown again, as they ended, and once", async () => {
    const session = await held("plain", delegateLine({ agent: "worker", task: "say done" }));
    const editor = await editorOf("plain");
    await editor.request("session/load", { sessionId: session, ...place() });
    const cards = editor.updates(session).filter(({ toolCallId }) => String(toolCallId).startsWith("crucible:"));
    expect(cards.map(({ sessionUpdate }) => sessionUpdate)).toEqual(["tool_call", "tool_call_update"]);
    expect(cards[0]).toMatchObject({ kind: "other", _meta: { crucible: { agent: "worker" } } });
    expect(cards[1]).toMatchObject({ toolCallId: cards[0]?.["toolCallId"], status: "completed" });
    // What was shown is no tool that the agent has used.
    expect((await editor.prompt(session, "heard")).text).not.toContain("crucible:del_");
    await editor.end();
  });

  test("of an agent that only resumes: the store tells it, and the agent remembers", async () => {
    const session = await held("resumes", "say one");
    const editor = await editorOf("resumes");
    await editor.request("session/load", { sessionId: session, ...place() });
    expect(toldIn(editor.updates(session))).toEqual(["user_message_chunk: say one", "agent_message_chunk: one"]);
    expect((await editor.prompt(session, "say two")).text).toBe("two");
    await editor.end();
  });

  test("of an agent that can is the agent's own, told once, and stored once", async () => {
    const session = await held("able", "say one");
    for (let time = 0; time < 2; time++) {
      const editor = await editorOf("able");
      await editor.request("session/load", { sessionId: session, ...place() });
      expect(toldIn(editor.updates(session))).toEqual(["user_message_chunk: say one", "agent_message_chunk: one"]);
      await editor.end();
    }
  });

  test("of an agent that answers before it has told all: all comes before the answer, and is stored once", async () => {
    const session = await held("late", "say one", "say two");
    const editor = await editorOf("late");
    const answer = await editor.request("session/load", { sessionId: session, ...place() });
    expect(editor.received.at(-1)).toMatchObject({ result: answer });
    const told = ["user_message_chunk: say one", "agent_message_chunk: one", "user_message_chunk: say two"];
    expect(toldIn(editor.updates(session))).toEqual([...told, "agent_message_chunk: two"]);
    await editor.prompt(session, "say three");
    await editor.end();
    const { stdout } = await daemon.crucible(["sessions", "export", session, ...daemon.home.place]);
    expect(stdout.split("\n").filter((line) => /^(say )?(one|two|three)$/.test(line))).toEqual([
      ...["say one", "one", "say two", "two", "say three", "three"],
    ]);
  });

  test("of a conversation begun with another profile goes on with that", async () => {
    const session = await held("able", "say one");
    const editor = await editorOf("plain");
    await editor.request("session/load", { sessionId: session, ...place() });
    expect((await editor.prompt(session, "session")).text).toMatch(/^able-/);
    const own = await editor.newSession(daemon.kiln);
    expect((await editor.prompt(own, "session")).text).toMatch(/^plain-/);
    await editor.end();
    await daemon.crucible(["ps", ...daemon.home.place]);
  });

  test.each(["session/load", "session/resume"])(
    "%s of an id that nobody knows is answered with -32002",
    async (method) => {
      for (const profile of ["plain", "able"]) {
        const editor = await editorOf(profile);
        const { error } = await editor.sendRequest(method, { sessionId: "ses_nobody", ...place() }).answer();
        expect(error).toMatchObject({ code: -32002 });
        await editor.end();
      }
    },
  );

  test("of a conversation that another editor has open is refused, and possible once that has closed", async () => {
    const first = await editorOf("able");
    const session = await first.newSession(daemon.kiln);
    await first.prompt(session, "say one");
    const second = await editorOf("able");
    const { error } = await second.sendRequest("session/load", { sessionId: session, ...place() }).answer();
    expect(error).toMatchObject({ data: { code: "CRU_SESSION_OPEN_ELSEWHERE" } });
    await first.end();
    await until(
      async () => !(await second.sendRequest("session/load", { sessionId: session, ...place() }).answer()).error,
      {
        what: "it to be closed",
      },
    );
    expect((await second.prompt(session, "say two")).text).toBe("two");
    await second.end();
  });
});

describe("session/resume", () => {
  test.each(["plain", "resumes", "able"])("tells nothing again: %s", async (profile) => {
    const session = await held(profile, "say one");
    const editor = await editorOf(profile);
    await editor.request("session/resume", { sessionId: session, ...place() });
    const told = toldIn(editor.updates(session));
    if (profile === "plain") expect(told).toEqual([expect.stringContaining("does not remember")]);
    else expect(told).toEqual([]);
    expect((await editor.prompt(session, "say two")).text).toBe("two");
    await editor.end();
  });
});

describe("session/list", () => {
  test("of an agent that cannot has what was said through Crucible, with titles, the last touched first", async () => {
    const [older, newer] = [await held("other", "say older"), await held("other", "say newer")];
    const editor = await editorOf("other");
    const { sessions } = await list(editor);
    expect(sessions.map(({ sessionId, title }) => [sessionId, title])).toEqual([
      [newer, "say newer"],
      [older, "say older"],
    ]);
    for (const { updatedAt } of sessions) expect(Date.parse(updatedAt!)).toBeGreaterThan(Date.now() - 60_000);
    expect((await list(editor, { cwd: "/elsewhere" })).sessions).toEqual([]);
    expect((await list(editor, { cwd: daemon.kiln })).sessions).toHaveLength(2);
    await editor.end();
  });

  test("has a conversation of an agent that lists it too once, and none of children or without a word", async () => {
    const session = await held("able", "say listed");
    const empty = await held("plain");
    const delegating = await held("plain", delegateLine({ agent: "worker", task: "say done" }));
    const editor = await editorOf("able");
    const ids = (await list(editor)).sessions.map(({ sessionId }) => sessionId);
    expect(ids.filter((id) => id === session)).toHaveLength(1);
    await editor.end();
    const plain = await editorOf("plain");
    const { sessions } = await list(plain);
    expect(sessions.some(({ sessionId }) => sessionId === delegating)).toBe(true);
    expect(sessions.some(({ sessionId }) => sessionId === empty)).toBe(false);
    expect(sessions.some(({ title }) => title === "say done")).toBe(false);
    await plain.end();
  });
});

describe("session/close and session/delete", () => {
  test.each(["plain", "able"])("close ends what is under way, and it can be loaded again: %s", async (profile) => {
    const editor = await editorOf(profile);
    const session = await editor.newSession(daemon.kiln);
    const turn = editor.sendRequest("session/prompt", {
      sessionId: session,
      prompt: [{ type: "text", text: script("say begun", "hang") }],
    });
    await until(() => editor.text(session) === "begun", { what: "the turn to begin" });
    expect(await editor.request("session/close", { sessionId: session })).toEqual({});
    expect((await turn.answer()).result).toEqual({ stopReason: "cancelled" });
    await editor.request("session/load", { sessionId: session, ...place() });
    expect(editor.text(session)).toContain("begunbegun");
    await editor.end();
  });

  test.each(["plain", "able"])("delete removes it for good: %s", async (profile) => {
    const session = await held(profile, "say gone");
    const editor = await editorOf(profile);
    expect((await list(editor)).sessions.some(({ sessionId }) => sessionId === session)).toBe(true);
    await editor.request("session/delete", { sessionId: session });
    expect((await list(editor)).sessions.some(({ sessionId }) => sessionId === session)).toBe(false);
    const { error } = await editor.sendRequest("session/load", { sessionId: session, ...place() }).answer();
    expect(error).toMatchObject({ code: -32002 });
    await editor.end();
  });

  test.each(["session/close", "session/delete"])("%s of what nobody knows is answered with -32002", async (method) => {
    const editor = await editorOf("plain");
    const { error } = await editor.sendRequest(method, { sessionId: "ses_nobody" }).answer();
    expect(error).toMatchObject({ code: -32002 });
    await editor.end();
  });
});
