/**
 * Figures for Prometheus, made of the events of the bus and of what is counted anyway. Loads the library of metrics, and so is
 * loaded only where they are wanted. Labels are names of profiles of the configuration and words of a fixed set, so that what
 * agents say can never add one.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { Bus } from "./bus.ts";

interface Amount {
  messages: number;
  bytes: number;
}

/** What is asked for each time the figures are read. */
export interface Gauges {
  editors: number;
  sessions: number;
  agents: number;
  delegations: { running: number; queued: number };
  /** Whether what is written is kept on disk. */
  storeIsKept: boolean;
  /** What agents have said and were told. Plain data: this room knows nothing of the protocol. */
  traffic: { received: Amount; sent: Amount };
}

export interface MetricsParts {
  bus: Bus;
  gauges: () => Gauges;
  /** Whether a profile of this name stands in the configuration; others count together as `other`. */
  isProfile: (name: string) => boolean;
}

export interface Metrics {
  readonly contentType: string;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  close(): void;
}

const durationSeconds = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

export function collectMetrics({ bus, gauges, isProfile }: MetricsParts): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: "crucible_" });
  const labelOf = (name: string): string => (isProfile(name) ? name : "other");

  const gauge = (name: string, help: string, value: (now: Gauges) => number): void => {
    // oxlint-disable-next-line no-new -- the registry keeps it
    new Gauge({
      name: `crucible_${name}`,
      help,
      registers,
      collect() {
        this.set(value(gauges()));
      },
    });
  };
  gauge("editors", "Editors that are connected.", ({ editors }) => editors);
  gauge("sessions", "Sessions that are open, those of children included.", ({ sessions }) => sessions);
  gauge("agents", "Agent processes that run.", ({ agents }) => agents);
  gauge("delegations_running", "Delegations that run.", ({ delegations }) => delegations.running);
  gauge("delegations_queued", "Delegations that wait for a free place.", ({ delegations }) => delegations.queued);
  gauge("store_degraded", "1 while what is written is kept in memory only.", ({ storeIsKept }) =>
    storeIsKept ? 0 : 1,
  );

  const relayed = (what: keyof Amount, help: string): void => {
    // oxlint-disable-next-line no-new -- the registry keeps it
    new Counter({
      name: `crucible_relayed_${what}_total`,
      help,
      labelNames: ["direction"],
      registers,
      collect() {
        const { received, sent } = gauges().traffic;
        this.reset();
        this.inc({ direction: "from_agents" }, received[what]);
        this.inc({ direction: "to_agents" }, sent[what]);
      },
    });
  };
  relayed("messages", "Messages that agents have said and were told, since the daemon started.");
  relayed("bytes", "The same in bytes.");

  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> =>
    new Counter({ name: `crucible_${name}_total`, help, labelNames, registers });
  const started = counter("agents_started", "Agents that started and answered initialize.", ["agent"]);
  const failed = counter("agents_failed", "Agents that did not start.", ["agent"]);
  const crashed = counter("agents_exited_unexpectedly", "Agents that ended without being asked to.", ["agent"]);
  const delegated = counter("delegations", "Delegations that ended.", ["agent", "status"]);
  const tokens = counter("delegation_tokens", "Tokens that children reported when their delegations ended.", ["agent"]);
  const asked = counter("permission_questions", "Permission questions of children that were put to a human.", []);
  const warnings = counter("warnings", "Warnings in the log.", []);
  const duration = new Histogram({
    name: "crucible_delegation_duration_seconds",
    help: "From the call to the end of a delegation.",
    labelNames: ["agent"],
    buckets: durationSeconds,
    registers,
  });

  const stops = [
    bus.on("agent.started", ({ profile }) => started.inc({ agent: labelOf(profile) })),
    bus.on("agent.failed", ({ profile }) => failed.inc({ agent: labelOf(profile) })),
    bus.on("agent.ended", ({ profile, expected }) => {
      if (!expected) crashed.inc({ agent: labelOf(profile) });
    }),
    bus.on("permission.asked", () => asked.inc()),
    bus.on("warning", () => warnings.inc()),
    bus.on("delegation.refused", ({ agent }) => delegated.inc({ agent: labelOf(agent ?? ""), status: "refused" })),
    bus.on("delegation.progress", (event) => {
      const { figures, status } = event;
      if (!figures || !status) return;
      const agent = labelOf(event.agent);
      delegated.inc({ agent, status });
      if (figures.tokens !== null) tokens.inc({ agent }, figures.tokens);
      duration.observe({ agent }, figures.durationMs / 1000);
    }),
  ];
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close() {
      for (const stop of stops) stop();
      registry.clear();
    },
  };
}
