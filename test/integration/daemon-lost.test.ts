/**
 * An editor whose daemon is killed, or ended for an upgrade, at the worst moments: it needs no restart, its sessions go on under
 * the same ids, and nothing is claimed that nobody knows.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatGreeting, socketProtocol } from "../../src/control/hello.ts";
import type { DaemonStatus } from "../../src/control/methods.ts";
import { connectAcpClient, type AcpClient } from "../support/acp-client.ts";
import { until } from "../support/conditions.ts";
import { createTestHome, scriptedProfile, serve, type TestHome } from "../support/daemon.ts";
import { delegateLine, script } from "./delegating.ts";

const config = [
  "[limits]\ngrace_seconds = 0.2",
  scriptedProfile("keeps", {
    flags: ["--memory", "keeps.memory"],
    delegation: "enabled = true\nmax_concurrent_delegations = 1",
  }),
  scriptedProfile("forgets", {
    flags: ["--capabilities", '{"loadSession":false,"sessionCapabilities":{"resume":null,"list":null}}'],
  }),
  scriptedProfile("slow", { flags: ["--memory", "slow.memory", "--slow-initialize", "up"] }),
  scriptedProfile("slow-session", { flags: ["--slow-session", "opened"] }),
  scriptedProfile("worker"),
].join("\n");

/** A user whose editor has started the daemon, as editors do. */
async function user(profile = "keeps"): Promise<{ home: TestHome; editor: AcpClient } & AsyncDisposable> {
  const home = await createTestHome(config);
  const editor = home.editor(profile);
  return {
    home,
    editor,
    async [Symbol.asyncDispose]() {
      await editor.end();
      await home.crucible(["stop", ...home.place]);
      await home[Symbol.asyncDispose]();
    },
  };
}

async function daemonPid(home: TestHome): Promise<number | undefined> {
  const { code, stdout } = await home.crucible(["status", "--json", ...home.place]);
  return code === 0 ? (JSON.parse(stdout) as DaemonStatus).pid : undefined;
}

/** Kills the daemon, and waits until the editor is joined to the next one. */
async function killed(home: TestHome, editor: AcpClient, { notice: back = "connected to the daemon again" } = {}) {
  const pid = await daemonPid(home);
  const times = editor.stderr.split(back).length;
  process.kill(pid!, "SIGKILL");
  await until(() => editor.stderr.split(back).length > times, { what: `the bridge to say ${back}` });
}

const ask = (session: string, text: string): object => ({ sessionId: session, prompt: [{ type: "text", text }] });

describe("a daemon that is killed", () => {
  test("while a prompt streams: it is answered with an error, and the next one goes on in the same conversation", async () => {
    await using all = await user();
    const { home, editor } = all;
    await editor.initialize();
    const [one, other] = [await editor.newSession(home.kiln), await editor.newSession(home.kiln)];
    await editor.prompt(other, "say other");
    const turn = editor.sendRequest("session/prompt", ask(one, script("say begun", "hang")));
    await until(() => editor.text(one) === "begun", { what: "the turn to begin" });
    await killed(home, editor);
    expect((await turn.answer()).error).toMatchObject({ data: { code: "CRU_DAEMON_LOST" } });
    for (const session of [one, other]) {
      const { text, stopReason } = await editor.prompt(session, "say still here");
      expect({ text, stopReason }).toEqual({ text: "still here", stopReason: "end_turn" });
    }
  });

  test("right after it has answered a prompt: the whole turn is stored", async () => {
    await using all = await user();
    const { home, editor } = all;
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    const pid = await daemonPid(home);
    await editor.prompt(session, "say told and kept");
    process.kill(pid!, "SIGKILL");
    await until(() => editor.stderr.includes("connected to the daemon again"), { what: "the bridge" });
    const { stdout } = await home.crucible(["sessions", "export", session, "--format", "jsonl", ...home.place]);
    const messages = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { params: { answer?: object } });
    expect(JSON.stringify(messages)).toContain('"told and kept"');
    expect(messages.some(({ params: { answer } }) => answer && "stopReason" in answer)).toBe(true);
  });

  test("three times in a row, the conversation goes on", async () => {
    await using all = await user();
    const { home, editor } = all;
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    for (let time = 0; time < 3; time++) {
      await killed(home, editor);
      expect((await editor.prompt(session, `say ${time}`)).text).toBe(String(time));
    }
  });

  test("while a permission question is open: it is withdrawn, and a late answer to it answers nothing else", async () => {
    await using all = await user();
    const { home, editor } = all;
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    const answers: ((outcome: unknown) => void)[] = [];
    editor.onRequest("session/request_permission", () => new Promise((resolve) => answers.push(resolve)));
    editor.sendRequest("session/prompt", ask(session, 'ask {"toolCall":{"title":"first"}}'));
    await until(() => answers.length === 1, { what: "the question" });
    await killed(home, editor);
    const first = editor.received.find(({ method }) => method === "session/request_permission");
    expect(
      editor.received.some(
        ({ method, params }) => method === "$/cancel_request" && params?.["requestId"] === first?.id,
      ),
    ).toBe(true);
    const turn = editor.sendRequest("session/prompt", ask(session, 'ask {"toolCall":{"title":"second"}}'));
    await until(() => answers.length === 2, { what: "the second question" });
    answers[0]!({ outcome: { outcome: "selected", optionId: "allow" } });
    answers[1]!({ outcome: { outcome: "selected", optionId: "reject" } });
    await turn.answer();
    expect(editor.text(session)).toBe('{"outcome":"selected","optionId":"reject"}');
  });

  test("while initialize is under way: the editor gets its answer from the next one", async () => {
    await using all = await user("slow");
    const { home, editor } = all;
    const asked = editor.sendRequest("initialize", { protocolVersion: 1, clientCapabilities: {} });
    await until(async () => (await daemonPid(home)) !== undefined, { what: "a daemon" });
    await killed(home, editor);
    await writeFile(join(home.kiln, "up"), "");
    expect((await asked.answer()).result).toMatchObject({ agentInfo: { name: "crucible" } });
    const session = await editor.newSession(home.kiln);
    expect((await editor.prompt(session, "say up")).text).toBe("up");
  });

  test("while session/new is under way: the editor is told, and can open one", async () => {
    await using all = await user("slow-session");
    const { home, editor } = all;
    await editor.initialize();
    const opening = editor.sendRequest("session/new", { cwd: home.kiln, mcpServers: [] });
    await killed(home, editor);
    expect((await opening.answer()).error).toMatchObject({ data: { code: "CRU_DAEMON_LOST", hint: "try it again" } });
    await writeFile(join(home.kiln, "opened"), "");
    const session = await editor.newSession(home.kiln);
    expect((await editor.prompt(session, "say open")).text).toBe("open");
  });

  test("while a delegation runs: it is lost in the store, and shown as ended in the editor", async () => {
    await using all = await user();
    const { home, editor } = all;
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    const task = script("touch began", "hang-hard");
    editor.sendRequest("session/prompt", ask(session, delegateLine({ agent: "worker", task, description: "Long" })));
    await until(() => existsSync(join(home.kiln, "began")), { what: "the child to begin" });
    const card = await editor.waitFor(({ params }) => idOf(params).startsWith("crucible:"), { what: "the card" });
    await killed(home, editor);
    const ended = await editor.waitFor(
      ({ params }) => idOf(params) === idOf(card.params) && updateOf(params)["status"] === "failed",
      { what: "the card to end" },
    );
    expect(JSON.stringify(ended.params)).toContain("unknown");
    const { text } = await editor.prompt(session, "mcp list_delegations");
    expect(JSON.parse(text)).toMatchObject({
      delegations: [
        { status: "lost", agent: "worker", error: { code: "CRU_DELEGATION_LOST", hint: expect.any(String) } },
      ],
    });
  });

  test("while a delegation waits for its place: it is said that nothing of it was done", async () => {
    await using all = await user();
    const { home, editor } = all;
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    const tasks = [
      { agent: "worker", task: script("touch began", "hang-hard"), description: "First" },
      { agent: "worker", task: "touch never", description: "Second" },
    ];
    editor.sendRequest("session/prompt", ask(session, `delegate ${JSON.stringify({ tasks })}`));
    await until(() => existsSync(join(home.kiln, "began")), { what: "the first child to begin" });
    await killed(home, editor);
    await editor.waitFor(({ params }) => JSON.stringify(params ?? {}).includes("before worker had begun"), {
      what: "its card to say so",
    });
    const { text } = await editor.prompt(session, "mcp list_delegations");
    const lost = { status: "lost", error: { code: "CRU_DELEGATION_LOST" } };
    expect(JSON.parse(text)).toMatchObject({
      delegations: [
        { ...lost, error: { message: expect.stringContaining("at work") } },
        { ...lost, error: { message: expect.stringContaining("nothing of it was done"), hint: "delegate it again" } },
      ],
    });
  });

  test("with an agent that cannot go on: the conversation says so, and the agent is told what was said", async () => {
    await using all = await user("forgets");
    const { home, editor } = all;
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    await editor.prompt(session, "say the word is swordfish");
    // What was said is on the disk a moment after it was said.
    await until(
      async () => (await home.crucible(["sessions", "show", session, ...home.place])).stdout.includes("swordfish"),
      {
        what: "the conversation to be stored",
      },
    );
    await killed(home, editor);
    const { text } = await editor.prompt(session, "heard");
    expect(text).toContain("— forgets was started anew and does not remember this conversation");
    expect(text).toContain("> the word is swordfish");
  });

  test("and that cannot start again for a mistake in its configuration: the editor reads it, and goes on when it is mended", async () => {
    await using all = await user();
    const { home, editor } = all;
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    const good = await readFile(home.configFile, "utf8");
    await writeFile(home.configFile, `${good}\nsurprise = 1\n`);
    await killed(home, editor, { notice: 'unknown key "surprise"' });
    const { error } = await editor.sendRequest("session/prompt", ask(session, "say x")).answer();
    expect(error).toMatchObject({ data: { code: "CRU_CONFIG_INVALID" } });
    expect(error?.message).toMatch(/crucible\.toml:\d+:\d+/);
    await writeFile(home.configFile, good);
    expect((await editor.prompt(session, "say mended")).text).toBe("mended");
  });
});

describe("a daemon that is stopped", () => {
  test("stays so until the editor needs one; then the conversation goes on", async () => {
    await using all = await user();
    const { home, editor } = all;
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    await editor.prompt(session, "say one");
    expect((await home.crucible(["stop", ...home.place])).code).toBe(0);
    await until(() => editor.stderr.includes("it is started again when it is needed"), { what: "the notice" });
    expect(await daemonPid(home)).toBeUndefined();
    expect((await editor.prompt(session, "say two")).text).toBe("two");
  });

  test("and followed by another one, as for an upgrade, is not missed", async () => {
    const home = await createTestHome(config);
    const first = await serve(home);
    const editor = home.editor("keeps", { args: ["--no-autostart"] });
    await editor.initialize();
    const session = await editor.newSession(home.kiln);
    await first.stop();
    const second = await serve(home);
    await until(() => editor.stderr.includes("connected to the daemon again"), { what: "the bridge" });
    expect((await editor.prompt(session, "say upgraded")).text).toBe("upgraded");
    await editor.end();
    await second[Symbol.asyncDispose]();
  });
});

test.each([
  ["an older one", -1, "start this program again"],
  ["a newer one", 1, "end the daemon with `crucible stop`"],
])("a bridge of another version is told how to go on: %s", async (_name, difference, hint) => {
  const home = await createTestHome(config);
  const daemon = await serve(home);
  const socket = connect(home.socket);
  const hello = { door: "editor", agent: "keeps", cwd: home.kiln, daemonsBefore: 1 } as const;
  socket.write(formatGreeting({ protocol: socketProtocol + difference, version: "9.9.9", hello }));
  const editor = connectAcpClient({ input: socket, output: socket });
  const { error } = await editor.sendRequest("initialize", { protocolVersion: 1 }).answer();
  expect(error).toMatchObject({ data: { code: "CRU_DAEMON_VERSION" } });
  expect(error?.message).toContain("9.9.9");
  expect(error?.message).toContain(hint);
  socket.destroy();
  await daemon[Symbol.asyncDispose]();
});

function updateOf(params: Record<string, unknown> | undefined): Record<string, unknown> {
  return (params?.["update"] ?? {}) as Record<string, unknown>;
}

function idOf(params: Record<string, unknown> | undefined): string {
  return String(updateOf(params)["toolCallId"]);
}
