/** Going on with an earlier child whose agent is slow to open it: it has a deadline, and a crash in between costs nothing. */
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, serve, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { openMirrorStage, type MirrorStage } from "../support/mirror-stage.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { assertNoChildren, endOf, openParent, Parent } from "./delegating.ts";
import { delegateWith } from "./tool-calls.ts";

let stage: MirrorStage;
let daemon: TestDaemon;

shareAmongTests({
  open: async () => {
    stage = await openMirrorStage();
    const config = [
      scriptedProfile("parent", { flags: ["--memory", "parent.memory"], delegation: "enabled = true" }),
      stage.profile("patient"),
      stage.profile("hasty", { settings: "startup_timeout_seconds = 4" }),
    ].join("\n");
    daemon = await startDaemon({ config });
  },
  check: () => stage.clear(),
  close: async () => {
    try {
      await endOf(daemon);
    } finally {
      await stage[Symbol.asyncDispose]();
    }
  },
});

/** Agents of the stage can open a session again in this way. */
function canReopen(agentCapabilities: Record<string, unknown>): void {
  stage
    .onRequest("initialize", () => ({ protocolVersion: 1, agentCapabilities }))
    .onRequest("session/prompt", () => ({ stopReason: "end_turn" }));
}

const never = (): Promise<never> => new Promise(() => {});

describe.each([
  ["session/resume", { sessionCapabilities: { resume: {} } }],
  ["session/load", { loadSession: true }],
])("%s", (method, capabilities) => {
  test("that is not answered by startup_timeout_seconds is given up, and the agent ended", async () => {
    await using parent = await openParent(daemon, "parent");
    const tools = await parent.tools();
    canReopen(capabilities);
    const earlier = await delegateWith(tools, { agent: "hasty", task: "x" });
    stage.onRequest(method, never);
    const later = await delegateWith(tools, { session_id: earlier.session_id, task: "y" });
    expect(later).toMatchObject({ status: "failed", error: { code: "CRU_AGENT_START" } });
    expect(later.error?.message).toContain(`did not answer ${method}`);
    await assertNoChildren(daemon);
    stage.onRequest(method, () => ({}));
    expect(await delegateWith(tools, { session_id: earlier.session_id, task: "z" })).toMatchObject({
      status: "completed",
    });
    await tools.close();
  });
});

test("a daemon that dies before the agent has answered has not forgotten the conversation", async () => {
  canReopen({ sessionCapabilities: { resume: {} } });
  const parent = await openParent(daemon, "parent");
  const tools = await parent.tools();
  const earlier = await delegateWith(tools, { agent: "patient", task: "x" });

  const resumed: unknown[] = [];
  stage.onRequest("session/resume", (params) => {
    resumed.push(params["sessionId"]);
    return resumed.length === 1 ? never() : {};
  });
  const cut = delegateWith(tools, { session_id: earlier.session_id, task: "y" }).catch(() => {});
  await until(() => resumed.length === 1, { what: "session/resume" });
  daemon.kill("SIGKILL");
  await daemon.exited();
  await Promise.all([cut, tools.close().catch(() => {}), parent.editor.end().catch(() => {})]);

  daemon = await serve(daemon.home);
  const editor = daemon.editor("parent", { args: ["--no-autostart"] });
  await editor.initialize();
  await editor.request("session/load", { sessionId: parent.session, cwd: daemon.kiln, mcpServers: [] });
  await using again = new Parent(editor, parent.session);
  const later = await again.tools();
  const result = await delegateWith(later, { session_id: earlier.session_id, task: "z" });
  expect(result).toMatchObject({ status: "completed", session_id: earlier.session_id });
  expect(resumed[1]).toBe(resumed[0]);
  await later.close();
});
