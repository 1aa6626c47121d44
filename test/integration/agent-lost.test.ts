/**
 * Conversations that outlive the agent behind them: one that dies, and one of a daemon that is gone. What the agent can do of
 * `session/load` and `session/resume` decides how they go on; what the editor sees is told in both cases.
 */
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { AcpClient } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { isAlive } from "../support/processes.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { inKiln } from "./delegating.ts";

const without = (...names: string[]): string[] => [
  "--capabilities",
  JSON.stringify({
    ...(names.includes("load") ? { loadSession: false } : {}),
    sessionCapabilities: Object.fromEntries(names.filter((name) => name !== "load").map((name) => [name, null])),
  }),
];

// Their memory outlives their processes, relative to the directory the editor works in.
const memory = (name: string): string[] => ["--memory", `${name}.memory`];

const config = [
  "[limits]\ngrace_seconds = 0.2",
  scriptedProfile("resumes", { flags: memory("resumes") }),
  scriptedProfile("loads", { flags: [...memory("loads"), "--late-replay", ...without("resume")] }),
  scriptedProfile("forgets", { flags: without("load", "resume", "list", "close", "delete") }),
  scriptedProfile("lies"),
  scriptedProfile("settles", { flags: [...memory("settles"), "--config-options"] }),
  scriptedProfile("settles-anew", { flags: [...without("load", "resume"), "--config-options"] }),
].join("\n");

let daemon: TestDaemon;
let editor: AcpClient;
shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  close: () => daemon[Symbol.asyncDispose](),
});

async function open(profile: string): Promise<string> {
  editor = daemon.editor(profile);
  await editor.initialize();
  return editor.newSession(daemon.kiln);
}

async function pidOf(session: string): Promise<number> {
  const { text } = await editor.prompt(session, "pid");
  return Number(text.match(/\d+\s*$/)?.[0]);
}

async function died(pid: number): Promise<void> {
  const seen = daemon.stderr.split('"event":"agent.ended"').length;
  process.kill(pid, "SIGKILL");
  await until(() => daemon.stderr.split('"event":"agent.ended"').length > seen, { what: "the daemon to notice" });
}

describe("an agent that dies", () => {
  test.each([["resumes"], ["loads"]])(
    "is started again with the next prompt and has the conversation: one that %s",
    async (profile) => {
      const session = await open(profile);
      await editor.prompt(session, "say first");
      const pid = await pidOf(session);
      await died(pid);
      await until(() => editor.text(session).includes("was ended by SIGKILL; your next message starts it again"), {
        what: "the user to be told",
      });
      const before = editor.updates(session).length;
      const next = await pidOf(session);
      expect(next).not.toBe(pid);
      expect(isAlive(next)).toBe(true);
      // It had the conversation, and told nobody of it again.
      const kinds = editor.updates(session).slice(before);
      expect(kinds.map(({ sessionUpdate }) => sessionUpdate)).toEqual(["agent_message_chunk"]);
      const answers = JSON.stringify(kinds);
      expect(answers).not.toContain("does not remember");
      await editor.end();
    },
  );

  test.each([["forgets"], ["lies"]])(
    "is started anew where it cannot go on, and is given what was said: one that %s",
    async (profile) => {
      const session = await open(profile);
      await editor.prompt(session, "say the word is swordfish");
      await died(await pidOf(session));
      const { text } = await editor.prompt(session, "heard");
      expect(text).toContain(
        `— ${profile} was started anew and does not remember this conversation; it is given what was said so far —`,
      );
      const [blocks] = JSON.parse(text.slice(text.indexOf("[["))) as { text: string }[][];
      expect(blocks).toHaveLength(2);
      expect(blocks?.[0]?.text).toContain("> the word is swordfish");
      expect(blocks?.[0]?.text).not.toContain("heard");
      expect(blocks?.[1]?.text).toBe("heard");
      // Only once.
      const again = JSON.parse((await editor.prompt(session, "heard")).text) as unknown[][];
      expect(again.at(-1)).toEqual([{ type: "text", text: "heard" }]);
      await editor.end();
    },
  );

  test("ends the prompt under way with an error that says what to do, and what was begun as failed", async () => {
    const session = await open("resumes");
    const lines = [
      "say begun",
      'update {"sessionUpdate":"tool_call","toolCallId":"t","title":"Long","status":"in_progress"}',
      "exit 7",
    ];
    const turn = editor.sendRequest("session/prompt", {
      sessionId: session,
      prompt: [{ type: "text", text: lines.join("\n") }],
    });
    const { error } = await turn.answer();
    expect(error).toMatchObject({ data: { code: "CRU_AGENT_EXITED" } });
    expect(error?.message).toMatch(/exited with code 7[^]*hint: send your message again/);
    const updates = editor.updates(session);
    expect(updates.some((update) => update["toolCallId"] === "t" && update["status"] === "failed")).toBe(true);
    expect(editor.text(session)).toMatch(
      /^begun\n\n— agent resumes exited with code 7; your next message starts it again —/,
    );
    expect((await editor.prompt(session, "say back")).text).toBe("back");
    await editor.end();
  });

  test.each([["settles"], ["settles-anew"]])(
    "is put back into the mode and options that were chosen: %s",
    async (profile) => {
      const session = await open(profile);
      await editor.request("session/set_mode", { sessionId: session, modeId: "plan" });
      await editor.request("session/set_config_option", { sessionId: session, configId: "model", value: "large" });
      await editor.request("session/set_config_option", { sessionId: session, configId: "brave", value: true });
      await expect(editor.request("session/set_mode", { sessionId: session, modeId: "none" })).rejects.toThrow();
      await editor.prompt(session, "say first");
      await died(await pidOf(session));
      const before = editor.updates(session).length;
      await editor.prompt(session, "say again");
      const updates = editor.updates(session).slice(before);
      const shown = updates.findLast(({ sessionUpdate }) => sessionUpdate === "config_option_update");
      expect(shown?.["configOptions"]).toMatchObject([
        { id: "mode", currentValue: "plan" },
        { id: "model", currentValue: "large" },
        { id: "brave", currentValue: true },
      ]);
      expect(JSON.stringify(updates)).not.toContain("was not set");
      await editor.end();
    },
  );

  test("between two sessions of one editor brings back both, in one process", async () => {
    const one = await open("resumes");
    const other = await editor.newSession(daemon.kiln);
    await editor.prompt(other, "say hello");
    await died(await pidOf(one));
    const pids = await Promise.all([pidOf(one), pidOf(other)]);
    expect(pids[0]).toBe(pids[1]);
    await editor.end();
  });

  test("a cancel while it starts again answers the prompt that waits for it", async () => {
    await using slow = await startDaemon({
      config: scriptedProfile("slow", { flags: ["--memory", "slow.memory", "--slow-initialize", "up"] }),
    });
    await using client = slow.editor("slow");
    await writeFile(inKiln(slow, "up"), "");
    await client.initialize();
    const sessionId = await client.newSession(slow.kiln);
    const pid = Number((await client.prompt(sessionId, "pid")).text);
    await rm(inKiln(slow, "up"));
    process.kill(pid, "SIGKILL");
    await until(() => client.text(sessionId).includes("starts it again"), { what: "the notice" });
    const turn = client.sendRequest("session/prompt", { sessionId, prompt: [{ type: "text", text: "touch never" }] });
    client.cancel(sessionId);
    expect((await turn.answer()).result).toEqual({ stopReason: "cancelled" });
    await writeFile(inKiln(slow, "up"), "");
    expect((await client.prompt(sessionId, "say here")).text).toContain("here");
    expect(existsSync(inKiln(slow, "never"))).toBe(false);
  });
});
