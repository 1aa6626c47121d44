/**
 * What happens in a tree of delegations, as spans: a turn of a root session, the delegations below it, and in each of these the
 * wait for a place, the start of its agent, the turns of its child and the waits for a human. Made of the events of the bus
 * alone. Names follow OpenTelemetry's conventions for generative AI where these have one. What people and agents say stays out,
 * and so does any path: ids, names of agents, figures, and words of fixed sets go in.
 */
import { ROOT_CONTEXT, SpanStatusCode, trace, type Attributes, type Span, type Tracer } from "@opentelemetry/api";
import type { Bus, DelegationFigures, Events } from "./bus.ts";

interface TracedDelegation {
  readonly span: Span;
  /** Its wait for a place, or the start of its agent, while that lasts. */
  step?: Span | undefined;
}

/** Outcomes that are errors. That somebody cancelled is none. */
const failures: ReadonlySet<string> = new Set(["failed", "timed_out", "refused", "lost"]);

/** Those of ACP ("Stop Reasons"); an agent may say anything. */
const stopReasons: ReadonlySet<string> = new Set([
  "end_turn",
  "max_tokens",
  "max_turn_requests",
  "refusal",
  "cancelled",
]);

/** Makes spans of what is told on the bus, until the returned function is called. */
export function traceEvents(bus: Bus, tracer: Tracer): () => void {
  const spans = new Spans(tracer);
  const stops = [
    bus.on("turn.started", (event) => spans.turnStarted(event)),
    bus.on("turn.ended", (event) => spans.turnEnded(event)),
    bus.on("delegation.progress", (event) => spans.progress(event)),
    bus.on("delegation.refused", (event) => spans.refused(event)),
    bus.on("agent.started", (event) => spans.agentStarted(event)),
    bus.on("agent.failed", (event) => spans.agentFailed(event)),
    bus.on("permission.asked", (event) => spans.asked(event)),
    bus.on("permission.answered", (event) => spans.answered(event)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Knows what has begun and not ended, and so no more than there is at work in the daemon. */
class Spans {
  readonly #tracer: Tracer;
  /** The turn that a session has now. */
  readonly #turns = new Map<string, Span>();
  /** By the child's session. */
  readonly #delegations = new Map<string, TracedDelegation>();
  readonly #questions = new Map<string, Span>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  turnStarted({ sessionId, parentId, profile }: Events["turn.started"]): void {
    const delegation = this.#delegations.get(sessionId)?.span;
    const who = { "gen_ai.agent.name": profile, "gen_ai.conversation.id": sessionId };
    const turn = delegation
      ? this.#begin(`prompt ${profile}`, delegation, who)
      : // Who took a conversation over speaks within the turn of the one it was begun with.
        this.#begin(`invoke_agent ${profile}`, this.#spanOf(parentId), { ...invocation, ...who });
    this.#turns.set(sessionId, turn);
  }

  turnEnded({ sessionId, stopReason, code }: Events["turn.ended"]): void {
    const turn = this.#turns.get(sessionId);
    this.#turns.delete(sessionId);
    turn?.setAttributes({ "crucible.stop_reason": known(stopReason) });
    end(turn, code);
  }

  progress(event: Events["delegation.progress"]): void {
    const { kind, agent, figures, status, childId } = event;
    if (kind === "activity") return;
    const delegation = this.#delegations.get(childId) ?? this.#beginDelegation(event);
    const { span, step } = delegation;
    const code = figures && failures.has(status ?? "") ? figures.code : null;
    end(step, code);
    delegation.step = undefined;
    if (kind === "queued") delegation.step = this.#begin("queue", span, {});
    if (kind === "starting") {
      delegation.step = this.#begin(`start ${agent}`, span, { "gen_ai.agent.name": agent });
    }
    if (!figures) return;
    this.#delegations.delete(childId);
    // One that stood in for it may have done the work.
    span.updateName(`invoke_agent ${agent}`);
    span.setAttributes({
      "gen_ai.agent.name": agent,
      "crucible.status": status ?? undefined,
      ...attributesOf(figures),
    });
    end(span, code);
  }

  /** It began nothing, and so it ends at once. */
  refused({ sessionId, rootId, agent, code }: Events["delegation.refused"]): void {
    const span = this.#begin(agent === null ? "invoke_agent" : `invoke_agent ${agent}`, this.#spanOf(sessionId), {
      ...invocation,
      "gen_ai.agent.name": agent ?? undefined,
      "crucible.root.id": rootId,
      "crucible.status": "refused",
    });
    end(span, code);
  }

  agentStarted({ sessionId, milliseconds, sandbox, strength }: Events["agent.started"]): void {
    this.#stepOf(sessionId)?.setAttributes({
      "crucible.agent.initialize_ms": milliseconds,
      "crucible.sandbox": sandbox,
      "crucible.sandbox.strength": strength,
    });
  }

  agentFailed({ sessionId, code }: Events["agent.failed"]): void {
    const step = this.#stepOf(sessionId);
    if (step) fail(step, code);
  }

  asked({ questionId, sessionId }: Events["permission.asked"]): void {
    this.#questions.set(questionId, this.#begin("wait for human", this.#spanOf(sessionId), {}));
  }

  answered({ questionId, outcome }: Events["permission.answered"]): void {
    const question = this.#questions.get(questionId);
    this.#questions.delete(questionId);
    question?.setAttribute("crucible.outcome", outcome);
    end(question, null);
  }

  #beginDelegation({ agent, sessionId, childId, rootId, delegationId, depth }: Events["delegation.progress"]) {
    const span = this.#begin(`invoke_agent ${agent}`, this.#spanOf(sessionId), {
      ...invocation,
      "gen_ai.agent.name": agent,
      "gen_ai.conversation.id": childId,
      "crucible.delegation.id": delegationId,
      "crucible.root.id": rootId,
      "crucible.depth": depth,
    });
    const begun: TracedDelegation = { span };
    this.#delegations.set(childId, begun);
    return begun;
  }

  /** What a session does now: its turn, or else the delegation it works for. */
  #spanOf(sessionId: string | undefined): Span | undefined {
    if (sessionId === undefined) return undefined;
    return this.#turns.get(sessionId) ?? this.#delegations.get(sessionId)?.span;
  }

  #stepOf(sessionId: string | undefined): Span | undefined {
    return sessionId === undefined ? undefined : this.#delegations.get(sessionId)?.step;
  }

  #begin(name: string, parent: Span | undefined, attributes: Attributes): Span {
    return this.#tracer.startSpan(name, { attributes }, parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT);
  }
}

const invocation = { "gen_ai.operation.name": "invoke_agent" };

function attributesOf({ tokens, cost, resultBytes, stopReason }: DelegationFigures): Attributes {
  return {
    "crucible.stop_reason": known(stopReason),
    "crucible.tokens": sane(tokens),
    "crucible.cost": sane(cost?.amount),
    "crucible.cost.currency": cost && /^[A-Z]{3}$/.test(cost.currency) ? cost.currency : undefined,
    "crucible.result.bytes": resultBytes,
  };
}

function known(stopReason: string | null): string | undefined {
  if (stopReason === null) return undefined;
  return stopReasons.has(stopReason) ? stopReason : "_OTHER";
}

/** A receiver refuses all spans of a batch for one number that it cannot read. */
function sane(figure: number | null | undefined): number | undefined {
  return typeof figure === "number" && Math.abs(figure) <= Number.MAX_SAFE_INTEGER ? figure : undefined;
}

function end(span: Span | undefined, code: string | null): void {
  if (span && code !== null) fail(span, code);
  span?.end();
}

function fail(span: Span, code: string): void {
  span.setAttribute("error.type", code).setStatus({ code: SpanStatusCode.ERROR, message: code });
}
