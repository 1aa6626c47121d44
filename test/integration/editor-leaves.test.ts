/** An editor that goes, or asks twice, while something it has asked for is under way: nothing of it lives on, and nothing is there twice. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { deferred } from "../../src/base/deferred.ts";
import { until } from "../support/conditions.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { control } from "./delegating.ts";

let relay: Relay;

beforeAll(async () => {
  relay = await startRelay({ profile: { settings: 'mode = "code"' } });
});
afterEach(() => relay.disconnect());
afterAll(() => relay[Symbol.asyncDispose]());

test("a session whose agent is being set up when its editor goes ends with the editor", async () => {
  const { editor, agent } = await relay.pair();
  const modes = { currentModeId: "ask", availableModes: ["ask", "code"].map((id) => ({ id, name: id })) };
  relay.stage.onRequest("session/new", () => ({ sessionId: "late", modes }));
  editor.sendRequest("session/new", { cwd: relay.daemon.kiln, mcpServers: [] });
  await agent.acp.waitForRequest("session/set_mode");
  await editor.end();
  using door = await control(relay.daemon);
  await until(async () => (await door.request("status", {})).editors === 0, { what: "the editor to be gone" });
  expect((await door.request("ps", {})).roots).toEqual([]);
});

test("a conversation that is loaded twice before its agent is up is opened once", async () => {
  const first = await relay.pair();
  const { editorId } = await relay.openSession(first.editor);
  await relay.disconnect();

  const isUp = deferred<void>();
  relay.stage.onRequest("initialize", async () => {
    await isUp.promise;
    return { protocolVersion: 1, agentCapabilities: { loadSession: true } };
  });
  relay.stage.onRequest("session/load", () => ({}));
  const logged = (event: string): number =>
    relay.daemon.stderr.split("\n").filter((line) => line.includes(`"event":"${event}"`) && line.includes(editorId))
      .length;
  const editor = await relay.connect();
  await editor.initialize();
  const params = { sessionId: editorId, cwd: relay.daemon.kiln, mcpServers: [] };
  const loads = [1, 2].map(() => editor.sendRequest("session/load", params));
  // Both have been heard when what was said after them was, which waits for no agent.
  await expect(editor.request("session/load", {})).rejects.toThrow("session not found");
  isUp.resolve();
  for (const load of loads) expect(await load.answer()).toMatchObject({ result: {} });
  await editor.end();
  await until(() => logged("session.ended") === 2, { what: "it to end the second time" });
  expect(logged("session.opened")).toBe(2);
});

test("an agent that never comes up goes with its editor", async () => {
  relay.stage.onRequest("initialize", () => new Promise(() => {}));
  const editor = await relay.connect();
  editor.sendRequest("initialize", { protocolVersion: 1, clientCapabilities: {} });
  const { socket } = await relay.stage.actor();
  await editor.end();
  await until(() => socket.destroyed, { what: "the agent to end" });
});
