/**
 * Whether the environment asks for spans of OpenTelemetry, and where they go. Says on or off, and loads the library only for
 * on, which reads all other `OTEL_*` variables itself.
 */
import { messageOf } from "../base/errors.ts";
import type { Environment } from "../base/paths.ts";
import type { Bus } from "./bus.ts";

export interface Tracing {
  /** Where spans go, without what may be secret in it. */
  readonly endpoint: string;
  /** Why the last spans that were sent did not arrive; null if they did, or none was sent yet. */
  readonly trouble: string | null;
  /** Sends what is left, for a bounded time. */
  close(): Promise<void>;
}

/** An `endpoint` to send spans to, or the `problem` with what the environment asks for; neither where nobody asks. */
export interface TracingWish {
  endpoint?: string;
  problem?: string;
}

export function tracingWish(env: Environment): TracingWish {
  const base = set(env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  const address = set(env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]) ?? (base && `${base.replace(/\/$/, "")}/v1/traces`);
  if (address === undefined || set(env["OTEL_SDK_DISABLED"])?.toLowerCase() === "true") return {};
  const exporters = (set(env["OTEL_TRACES_EXPORTER"]) ?? "otlp").split(",").map((name) => name.trim());
  if (exporters.includes("none")) return {};
  if (!exporters.includes("otlp")) {
    return { problem: `OTEL_TRACES_EXPORTER names ${exporters.join(", ")}, and spans are sent to otlp or none` };
  }
  const protocol = set(env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]) ?? set(env["OTEL_EXPORTER_OTLP_PROTOCOL"]);
  if (protocol === "grpc") {
    return {
      problem: "spans are not sent over grpc: set OTEL_EXPORTER_OTLP_PROTOCOL to http/json, and the port to match",
    };
  }
  const endpoint = withoutSecrets(address);
  if (endpoint !== undefined) return { endpoint };
  return { problem: "OTEL_EXPORTER_OTLP_ENDPOINT is no address: expected one such as http://127.0.0.1:4318" };
}

/** Undefined where the environment does not ask for it; one who asks for what cannot be had gets a warning. */
export async function startTracing(
  env: Environment,
  parts: { bus: Bus; version: string },
): Promise<Tracing | undefined> {
  const { endpoint, problem } = tracingWish(env);
  const warn = (message: string): void => parts.bus.emit("warning", { where: "tracing", message });
  if (problem !== undefined) warn(problem);
  if (endpoint === undefined) return undefined;
  try {
    const { openTracing } = await import("./span-export.ts");
    return openTracing({ endpoint, ...parts });
  } catch (error) {
    // Nobody who wants to work waits for those who want to watch.
    warn(`no spans are sent: ${messageOf(error)}`);
    return undefined;
  }
}

/** As the specification has it, a variable that is empty is not set. */
function set(value: string | undefined): string | undefined {
  return value?.trim() || undefined;
}

function withoutSecrets(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, host, pathname } = new URL(address);
  return /^https?:$/.test(protocol) ? `${protocol}//${host}${pathname}` : undefined;
}
