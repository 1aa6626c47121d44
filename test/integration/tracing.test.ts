/** Spans for OpenTelemetry: one trace for a tree of delegations, without a word of what was said in it, and no harm without a receiver. */
import { expect, test } from "vitest";
import { checkDaemon } from "../../src/daemon/doctor/daemon.ts";
import type { DaemonStatus } from "../../src/control/methods.ts";
import { startCollector } from "../support/collector.ts";
import { until } from "../support/conditions.ts";
import { createTestHome, scriptedProfile, serve, type TestDaemon } from "../support/daemon.ts";
import { delegateLine, openParent, script } from "./delegating.ts";
import { permissionMethod } from "./slow-person.ts";

const config = [
  scriptedProfile("parent", {
    delegation: [
      "enabled = true",
      "max_depth = 2",
      "max_concurrent_delegations = 1",
      'allowed_targets = ["middle", "leaf", "broken"]',
    ].join("\n"),
  }),
  scriptedProfile("middle", { delegation: "enabled = true" }),
  scriptedProfile("leaf"),
  scriptedProfile("closed"),
  scriptedProfile("broken", { flags: ["--exit-at", "initialize"] }),
].join("\n");

/** Words that are said to agents and by them, and must not be in any span. */
const said = "QUARTERLY FIGURES";
const secret = "s3cret-of-the-collector";

async function startDaemon(env: Readonly<Record<string, string>>): Promise<TestDaemon & AsyncDisposable> {
  const home = await createTestHome(config);
  Object.assign(home.env, env);
  return serve(home);
}

/** What the doctor says of tracing in a shell with this environment. */
async function findings({ home }: TestDaemon, env: Readonly<Record<string, string>>): Promise<string[]> {
  const { socket: socketPath, stateDirectory } = home;
  const { signal } = new AbortController();
  const found = await checkDaemon({ socketPath, stateDirectory, env, config: undefined, onProgress: () => {}, signal });
  return found.filter(({ check }) => check === "tracing").map(({ message }) => message);
}

async function statusOf(daemon: TestDaemon): Promise<DaemonStatus> {
  const { stdout } = await daemon.crucible(["status", "--json", ...daemon.home.place]);
  return JSON.parse(stdout) as DaemonStatus;
}

test("a turn with delegations below it is one trace, sent before the daemon ends, without what was said", async () => {
  await using collector = await startCollector();
  await using daemon = await startDaemon({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${secret}`,
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    // So that all comes with the end of the daemon.
    OTEL_BSP_SCHEDULE_DELAY: "600000",
  });
  expect(await statusOf(daemon)).toMatchObject({
    tracing: { endpoint: `${collector.endpoint}/v1/traces`, trouble: null },
  });
  const parent = await openParent(daemon, "parent");
  const answer = { outcome: { outcome: "selected", optionId: "allow" } };
  parent.editor.onRequest(permissionMethod, () => answer);
  const leaf = script(
    `ask {"toolCall":{"title":"${said}","kind":"execute","rawInput":{"command":"${said}"}}}`,
    'usage {"used":1200,"cost":{"amount":0.25,"currency":"USD"}}',
    `say ${said}`,
  );
  const [done, failed, ...refused] = await parent.delegateAll([
    { agent: "middle", description: said, task: script(delegateLine({ agent: "leaf", task: leaf }), `say ${said}`) },
    { agent: "broken", task: `say ${said}` },
    { agent: "closed", task: said },
    { agent: said, task: said },
  ]);
  expect([done?.status, failed?.status, ...refused.map(({ status }) => status)]).toEqual([
    "completed",
    "failed",
    "refused",
    "refused",
  ]);
  const ended = { completed: 2, failed: 1, cancelled: 0, timed_out: 0, refused: 2 };
  expect(await statusOf(daemon)).toMatchObject({ ended });
  await parent.editor.end();

  const seen = await daemon.crucible(["delegate", "leaf", "env OTEL_EXPORTER_OTLP_HEADERS", ...daemon.home.place]);
  expect(seen.stdout).toBe("(unset)\n");
  await daemon.stop();

  const parentOf = Object.fromEntries(collector.spans.map(({ spanId, name }) => [spanId, name]));
  const turn = collector.one("invoke_agent parent");
  const tree = collector.spans.filter(({ traceId }) => traceId === turn.traceId);
  expect(tree.map(({ name, parentSpanId }) => `${name} < ${parentOf[parentSpanId ?? ""] ?? ""}`).toSorted()).toEqual([
    "invoke_agent < invoke_agent parent",
    "invoke_agent broken < invoke_agent parent",
    "invoke_agent closed < invoke_agent parent",
    "invoke_agent leaf < prompt middle",
    "invoke_agent middle < invoke_agent parent",
    "invoke_agent parent < ",
    "prompt leaf < invoke_agent leaf",
    "prompt middle < invoke_agent middle",
    "queue < invoke_agent broken",
    "start broken < invoke_agent broken",
    "start leaf < invoke_agent leaf",
    "start middle < invoke_agent middle",
    "wait for human < prompt leaf",
  ]);
  expect(turn.attributes).toEqual({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "parent",
    "gen_ai.conversation.id": parent.session,
    "crucible.stop_reason": "end_turn",
  });
  expect(tree.find(({ name }) => name === "invoke_agent leaf")?.attributes).toMatchObject({
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "leaf",
    "gen_ai.conversation.id": expect.stringMatching(/^ses_/),
    "crucible.delegation.id": expect.stringMatching(/^del_/),
    "crucible.root.id": parent.session,
    "crucible.depth": 2,
    "crucible.status": "completed",
    "crucible.stop_reason": "end_turn",
    "crucible.tokens": 1200,
    "crucible.cost": 0.25,
    "crucible.cost.currency": "USD",
    "crucible.result.bytes": expect.any(Number),
  });
  const broken = collector.one("invoke_agent broken");
  expect(broken).toMatchObject({ error: "CRU_AGENT_START", attributes: { "error.type": "CRU_AGENT_START" } });
  expect(collector.one("start broken").error).toBe("CRU_AGENT_START");
  expect(collector.one("start middle").attributes).toMatchObject({
    "crucible.agent.initialize_ms": expect.any(Number),
    "crucible.sandbox.strength": expect.stringMatching(/^(full|partial|advisory)$/),
  });
  expect(collector.one("invoke_agent closed")).toMatchObject({
    error: "CRU_DELEGATION_TARGET_NOT_ALLOWED",
    attributes: {
      "error.type": "CRU_DELEGATION_TARGET_NOT_ALLOWED",
      "gen_ai.agent.name": "closed",
      "crucible.status": "refused",
    },
  });
  // A name that nobody has may be any words.
  expect(collector.one("invoke_agent").error).toBe("CRU_DELEGATION_TARGET_UNKNOWN");
  expect(collector.one("wait for human").attributes).toMatchObject({ "crucible.outcome": "allow_once" });
  // A delegation of nobody's turn is a trace of its own.
  const fromTerminal = collector.spans.filter(({ name }) => name === "invoke_agent leaf")[1];
  expect(fromTerminal).toMatchObject({ parentSpanId: undefined, attributes: { "crucible.depth": 1 } });
  expect(fromTerminal?.traceId).not.toBe(turn.traceId);

  expect(collector.resource).toMatchObject({ "service.name": "crucible", "deployment.environment.name": "test" });
  expect(collector.headers.authorization).toBe(`Bearer ${secret}`);
  expect(collector.text).not.toContain(said);
  expect(collector.text).not.toContain(daemon.home.folder);
  expect(daemon.stderr).not.toContain(secret);
  expect(daemon.stderr).not.toContain("tracing");
});

test("a receiver that hangs is one warning, known to status and doctor; work goes on, and the daemon ends in time", async () => {
  await using collector = await startCollector({ hanging: true });
  await using daemon = await startDaemon({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.endpoint.replace("//", "//user:pw@")}/in?token=${secret}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: "100",
    OTEL_BSP_SCHEDULE_DELAY: "10",
  });
  const { place } = daemon.home;
  const delegate = () => daemon.crucible(["delegate", "leaf", "say done", ...place]);
  const warnings = () => daemon.stderr.split("spans do not reach").length - 1;
  expect(await delegate()).toMatchObject({ code: 0, stdout: "done\n" });
  await until(() => warnings() === 1, { what: "a warning" });
  const asked = collector.requests;
  expect(await delegate()).toMatchObject({ code: 0, stdout: "done\n" });
  await until(() => collector.requests > asked, { what: "a further attempt" });
  const { tracing } = await statusOf(daemon);
  expect(tracing).toEqual({ endpoint: `${collector.endpoint}/in`, trouble: expect.stringMatching(/./) });
  expect(await findings(daemon, {})).toEqual([expect.stringContaining("the last spans did not arrive")]);
  expect(warnings()).toBe(1);
  expect(daemon.stderr).not.toContain(secret);
});
