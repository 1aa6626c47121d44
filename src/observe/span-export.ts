/**
 * Sends spans by OTLP over HTTP, with the exporter and the queue of OpenTelemetry, which take their settings from the
 * environment. Loads that library, and so is loaded only where spans are wanted. A receiver that is gone or slow costs spans,
 * one line in the log and nothing else.
 */
import { diag, DiagLogLevel } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import { within } from "../base/deadline.ts";
import { messageOf } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import type { Bus } from "./bus.ts";
import { traceEvents } from "./spans.ts";
import type { Tracing } from "./tracing.ts";

/** Spans that wait to be sent, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise; further ones are dropped, and counted in the log. */
export const maxWaitingSpans = 2048;

/** Time the last spans have to be sent when the daemon ends, in milliseconds. */
export const lastSpansMs = 2000;

export interface TracingParts {
  /** As it may be shown; the exporter reads its own. */
  endpoint: string;
  bus: Bus;
  version: string;
}

export function openTracing({ endpoint, bus, version }: TracingParts): Tracing {
  const warn = (message: string): void => bus.emit("warning", { where: "tracing", message });
  hearTheLibrary(warn);
  let trouble: string | null = null;
  const exporter = watched(new OTLPTraceExporter(), (problem) => {
    if (problem !== null && trouble === null) {
      warn(`spans do not reach ${endpoint}: ${problem}; this is said once, until some arrive`);
    }
    trouble = problem;
  });
  const queue = process.env["OTEL_BSP_MAX_QUEUE_SIZE"] ? {} : { maxQueueSize: maxWaitingSpans };
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "crucible", "service.version": version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter, queue)],
  });
  const stop = traceEvents(bus, provider.getTracer("crucible", version));
  return {
    endpoint,
    get trouble() {
      return trouble;
    },
    async close() {
      stop();
      await within(provider.shutdown(), lastSpansMs).catch((error: unknown) => warn(messageOf(error)));
      diag.disable();
    },
  };
}

type ExportResult = Parameters<Parameters<SpanExporter["export"]>[1]>[0];

const sent: ExportResult = { code: 0 };

/** Tells how each attempt went: null, or why the spans did not arrive. */
function watched(exporter: SpanExporter, onSent: (problem: string | null) => void): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, ({ code, error }) => {
        onSent(code === sent.code ? null : oneLine(error?.message || error?.name || "it was refused", 300));
        // The library has no more to do with it, and would tell it again each time.
        done(sent);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** What the library says of its settings and its queue, each kind of thing once. */
function hearTheLibrary(warn: (message: string) => void): void {
  const told = new Set<string>();
  const tell = (message: string, ...more: unknown[]): void => {
    // Figures aside, its messages are a fixed set.
    const kind = message.replaceAll(/\d+/g, "#");
    if (told.has(kind)) return;
    told.add(kind);
    warn(oneLine([message, ...more.map(messageOf)].join(" "), 300));
  };
  const nothing = (): void => {};
  const logger = { error: tell, warn: tell, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
