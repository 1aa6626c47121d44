/** Whether spans are sent and where to, what goes into them, and what becomes of them while their receiver does not answer. */
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { createBus, type Bus, type Events } from "../../../src/observe/bus.ts";
import { lastSpansMs, maxWaitingSpans, openTracing } from "../../../src/observe/span-export.ts";
import { startTracing, tracingWish, type Tracing } from "../../../src/observe/tracing.ts";
import { startCollector, type Collector } from "../../support/collector.ts";
import { until } from "../../support/conditions.ts";
import { freePort } from "../../support/ports.ts";

let bus: Bus;
let warnings: string[];

beforeEach(() => {
  bus = createBus();
  warnings = [];
  bus.on("warning", ({ message }) => void warnings.push(message));
});
afterEach(() => vi.unstubAllEnvs());

/** Spans go there at once, and are given up after `timeoutMs`. */
function traceTo({ endpoint }: Pick<Collector, "endpoint">, timeoutMs = 10_000): Tracing {
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
  vi.stubEnv("OTEL_EXPORTER_OTLP_TIMEOUT", String(timeoutMs));
  vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "1");
  return openTracing({ endpoint, bus, version: "1.2.3" });
}

function turn(sessionId: string, end: Partial<Events["turn.ended"]> = {}): void {
  bus.emit("turn.started", { sessionId, parentId: undefined, profile: "p" });
  bus.emit("turn.ended", { sessionId, profile: "p", durationMs: 1, stopReason: "end_turn", code: null, ...end });
}

const base = "OTEL_EXPORTER_OTLP_ENDPOINT";
const own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const here = "http://127.0.0.1:4318";

test.each([
  [{}, undefined],
  [{ [base]: " " }, undefined],
  [{ [base]: here }, `${here}/v1/traces`],
  [{ [base]: `${here}/` }, `${here}/v1/traces`],
  [{ [base]: here, [own]: "https://user:pw@spans.example/in?key=1" }, "https://spans.example/in"],
  [{ [base]: here, OTEL_SDK_DISABLED: "true" }, undefined],
  [{ [base]: here, OTEL_SDK_DISABLED: "false", OTEL_TRACES_EXPORTER: "otlp" }, `${here}/v1/traces`],
  [{ [base]: here, OTEL_TRACES_EXPORTER: "none" }, undefined],
])("the environment %j has spans sent to %s", (env, endpoint) => {
  expect(tracingWish(env)).toEqual(endpoint === undefined ? {} : { endpoint });
});

test.each([
  [{ [base]: here, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "not sent over grpc"],
  [{ [base]: here, OTEL_TRACES_EXPORTER: "zipkin" }, "OTEL_TRACES_EXPORTER names zipkin"],
  [{ [base]: "127.0.0.1:4318" }, "no address"],
])("what cannot be had is told, and nothing is sent: %j", async (env, problem) => {
  expect(await startTracing(env, { bus, version: "1.2.3" })).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining(problem)]);
});

test("words and figures that no receiver knows are left out, so that it takes the rest", async () => {
  await using collector = await startCollector();
  const tracing = traceTo(collector);
  const progress: Events["delegation.progress"] = {
    delegationId: "del_1",
    parentId: null,
    agent: "p",
    title: "text",
    depth: 1,
    kind: "ended",
    line: "text",
    status: "cancelled",
    at: 0,
    sessionId: "ses_root",
    rootId: "ses_root",
    childId: "ses_child",
    figures: {
      durationMs: 1,
      tokens: Number.POSITIVE_INFINITY,
      cost: { amount: 1e300, currency: "as text" },
      resultBytes: 3,
      stopReason: "as text",
      code: "CRU_DELEGATION_CANCELLED",
    },
  };
  turn("ses_1", { stopReason: "as text" });
  bus.emit("delegation.progress", progress);
  await tracing.close();
  expect(collector.text).not.toContain("text");
  const delegation = collector.spans.find(({ attributes }) => attributes["crucible.delegation.id"] === "del_1");
  expect(delegation?.attributes).toMatchObject({ "crucible.stop_reason": "_OTHER", "crucible.result.bytes": 3 });
  expect(Object.keys(delegation?.attributes ?? {}).filter((name) => /tokens|cost/.test(name))).toEqual([]);
  // That somebody cancelled it is no error of its own.
  expect(delegation?.error).toBeUndefined();
  expect(collector.resource["service.version"]).toBe("1.2.3");
});

test("spans wait for a slow receiver up to the limit, and how many went beyond it is told", async () => {
  await using collector = await startCollector({ hanging: true });
  const tracing = traceTo(collector);
  turn("ses_first");
  await until(() => collector.requests === 1, { what: "an attempt" });
  for (let index = 0; index < maxWaitingSpans + 7; index++) turn(`ses_${index}`);
  collector.goOn();
  await until(() => collector.spans.length === 1 + maxWaitingSpans, { what: "those that had waited" });
  turn("ses_last");
  await tracing.close();
  expect(collector.spans).toHaveLength(2 + maxWaitingSpans);
  expect(warnings).toEqual([expect.stringContaining("Dropped 7 spans")]);
});

test("what becomes of a receiver is told when it is lost, and again only after it was there", async () => {
  await using collector = await startCollector({ hanging: true });
  const unheard = traceTo({ endpoint: `http://127.0.0.1:${await freePort()}` }, 50);
  onTestFinished(() => unheard.close());
  turn("ses_1");
  await until(() => unheard.trouble !== null, { what: "the first failure" });
  expect(warnings).toEqual([expect.stringMatching(/^spans do not reach http:.*ECONNREFUSED/)]);
  await unheard.close();

  const tracing = traceTo(collector, 200);
  turn("ses_2");
  await until(() => warnings.length === 2, { what: "the second failure" });
  turn("ses_3");
  await until(() => collector.requests >= 2, { what: "a further attempt" });
  collector.goOn();
  await until(() => tracing.trouble === null, { what: "an answer" });
  expect(warnings).toHaveLength(2);
  await tracing.close();
});

test("a receiver that hangs holds the end up for no longer than the last spans are given", async () => {
  await using collector = await startCollector({ hanging: true });
  const exporterTimeoutMs = 60_000;
  const tracing = traceTo(collector, exporterTimeoutMs);
  turn("ses_1");
  await until(() => collector.requests === 1, { what: "an attempt" });
  const before = performance.now();
  await tracing.close();
  const took = performance.now() - before;
  expect(took).toBeGreaterThan(lastSpansMs * 0.9);
  expect(took).toBeLessThan(exporterTimeoutMs / 2);
});
