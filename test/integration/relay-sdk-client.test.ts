/** An editor that is not of this house: the client of the official SDK, on `crucible acp` as an editor starts it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { client, methods, ndJsonStream, RequestError, type SessionNotification } from "@agentclientprotocol/sdk";
import { expect, test } from "vitest";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";

const crucibleProgram = join(import.meta.dirname, "../../bin/crucible.js");

let daemon: TestDaemon;

shareAmongTests({
  open: async () =>
    void (daemon = await startDaemon({ config: scriptedProfile("agent", { flags: ["--config-options"] }) })),
  close: () => daemon[Symbol.asyncDispose](),
});

test("the SDK's client initializes, prompts, answers questions, writes files, cancels and loads", async () => {
  const args = [crucibleProgram, "acp", "--agent", "agent", ...daemon.home.place];
  const program = spawn(process.execPath, args, {
    cwd: daemon.kiln,
    env: daemon.home.env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(program, "exit");
  const updates: SessionNotification[] = [];
  const questions: string[] = [];
  const files = new Map<string, string>([[join(daemon.kiln, "in.txt"), "from the editor"]]);
  const editor = client({ name: "sdk" })
    .onRequest(methods.client.session.requestPermission, ({ params }) => {
      questions.push(params.toolCall.title ?? "");
      return { outcome: { outcome: "selected", optionId: params.options[0]!.optionId } };
    })
    .onRequest(methods.client.fs.readTextFile, ({ params }) => ({ content: files.get(params.path) ?? "" }))
    .onRequest(methods.client.fs.writeTextFile, ({ params }) => {
      files.set(params.path, params.content);
      return {};
    })
    .onNotification(methods.client.session.update, ({ params }) => void updates.push(params));

  const stream = ndJsonStream(
    Writable.toWeb(program.stdin) as WritableStream<Uint8Array>,
    Readable.toWeb(program.stdout) as ReadableStream<Uint8Array>,
  );
  await editor.connectWith(stream, async (agent) => {
    const { agentCapabilities, agentInfo } = await agent.request(methods.agent.initialize, {
      protocolVersion: 1,
      clientCapabilities: { fs: { readTextFile: true, writeTextFile: true } },
    });
    expect(agentInfo?.name).toBe("crucible");
    expect(agentCapabilities?.loadSession).toBe(true);

    const { sessionId, configOptions } = await agent.request(methods.agent.session.new, {
      cwd: daemon.kiln,
      mcpServers: [],
    });
    expect(configOptions?.length).toBeGreaterThan(0);
    const prompt = (...lines: string[]) =>
      agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text: lines.join("\n") }] });
    const said = (): string =>
      updates
        .filter((one) => one.sessionId === sessionId)
        .map(({ update }) =>
          "content" in update && update.content && "text" in update.content ? update.content.text : "",
        )
        .join("");

    expect(
      await prompt("say Hello.", 'ask {"toolCall":{"title":"May I?"}}', "read in.txt", "write out.txt written"),
    ).toMatchObject({
      stopReason: "end_turn",
    });
    expect(questions).toEqual(["May I?"]);
    expect(said()).toContain("Hello.");
    expect(said()).toContain('"optionId":"allow"');
    expect(said()).toContain("from the editor");
    expect(files.get(join(daemon.kiln, "out.txt"))).toBe("written");

    const hanging = prompt("rawwrite started yes", "hang");
    await expect.poll(() => readFile(join(daemon.kiln, "started"), "utf8").catch(() => "")).toBe("yes");
    await agent.notify(methods.agent.session.cancel, { sessionId });
    expect(await hanging).toMatchObject({ stopReason: "cancelled" });

    const replayed = updates.length;
    await agent.request(methods.agent.session.load, { sessionId, cwd: daemon.kiln, mcpServers: [] });
    expect(updates.length).toBeGreaterThan(replayed);
    expect(new Set(updates.map((one) => one.sessionId))).toEqual(new Set([sessionId]));

    const failure = await prompt("fail -32000 sign-in").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RequestError);
    expect(failure).toMatchObject({ code: -32000, message: "sign-in" });
  });
  program.stdin.end();
  expect(await ended).toEqual([0, null]);
});
