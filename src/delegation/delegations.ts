/**
 * All delegations of this daemon: accepts or refuses, keeps each caller's queue, and ends what must not go on. The one way
 * for anybody, agent or person, to have a task done by another agent.
 */
import type { DelegationResult } from "../base/delegation.ts";
import { within } from "../base/deadline.ts";
import { CrucibleError } from "../base/errors.ts";
import type { AgentProfile } from "../config/config.ts";
import type { DelegationRecord, SessionRecord } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import { Budget, requireWithinBudget } from "./budget.ts";
import { candidatesFor } from "./choice.ts";
import { DynamicAgents } from "./dynamic-agents.ts";
import { Delegation } from "./delegation.ts";
import type { DelegateInput } from "./input.ts";
import { cannotContinue, delegationCancelled, delegationLimit, delegationUnknown } from "./errors.ts";
import { selfTarget, type AgentDirectory } from "./policy.ts";
import type { DelegationPorts } from "./ports.ts";
import { RestingChildren } from "./resting-children.ts";
import { refusedResult, toResult } from "./result.ts";
import { WaitingLine } from "./waiting-line.ts";

/** Longest lineage followed; deeper than any `max_depth` allows. */
const maxLineage = 64;

export class Delegations {
  /** Agents made at run time. */
  readonly dynamic = new DynamicAgents();
  readonly #ports: DelegationPorts;
  readonly #live = new Map<string, Delegation>();
  /** The same by the child session they work in. */
  readonly #byChild = new Map<string, Delegation>();
  readonly #resting = new RestingChildren((session) => this.#endBelow(session));
  /** For each session that has delegated: those of it that wait, and how many it has made. */
  readonly #callers = new Map<Session, { line: WaitingLine; made: number }>();
  readonly #budgets = new WeakMap<Session, Budget>();

  constructor(ports: DelegationPorts) {
    this.#ports = ports;
    // A question of a grandchild holds up the child that waits for it, too.
    ports.bus.on("permission.asked", ({ questionId, sessionId }) => {
      for (const one of this.#live.values()) if (one.concerns(sessionId)) one.questions.asked(questionId);
    });
    // Who asked may be gone by now.
    ports.bus.on("permission.answered", ({ questionId }) => {
      for (const one of this.#live.values()) one.questions.answered(questionId);
    });
  }

  /** The agents a session knows: those of the configuration, and those made in its tree. */
  agentsOf(session: Session): AgentDirectory {
    const { agents, change } = this.#ports.config();
    return { agents: new Map([...agents, ...this.dynamic.of(session)]), change };
  }

  counts(): { running: number; queued: number } {
    const queued = [...this.#live.values()].filter((delegation) => delegation.stage === "queued").length;
    return { running: this.#live.size - queued, queued };
  }

  /** The delegation a child session works for. */
  ofChild(session: Session): Delegation | undefined {
    return this.#byChild.get(session.id);
  }

  /** A delegation that is not ended. */
  live(id: string): Delegation | undefined {
    return this.#live.get(id);
  }

  /** Those a session has asked for that are not ended. */
  liveOf(session: Session): Delegation[] {
    return [...this.#live.values()].filter((delegation) => delegation.caller === session);
  }

  /** Those of them that go on when the session's editor has gone. */
  keptOf(session: Session): Delegation[] {
    if (!session.profile.delegation.keepBackground) return [];
    return this.liveOf(session).filter((delegation) => delegation.isBackground);
  }

  /**
   * Accepts a task and begins with it, now or when a place is free; it goes on whether or not anybody waits for it. Throws the
   * refusal when the rules do not allow it.
   */
  begin(caller: Session, input: DelegateInput): Delegation {
    try {
      return this.#accept(caller, input);
    } catch (error) {
      if (error instanceof CrucibleError) this.#tellRefused(caller, input.agent, error);
      throw error;
    }
  }

  #accept(caller: Session, input: DelegateInput): Delegation {
    this.#requireAtWork(caller);
    const continues = input.sessionId === undefined ? undefined : this.#earlierChild(caller, input.sessionId);
    const wanted = continues ? continuing(input, continues, caller) : input;
    const { candidates, leftOut } = candidatesFor(caller, wanted, this.agentsOf(caller));
    if (continues) requireSameAgent(continues, candidates[0].profile);
    this.#requireWithinLimits(caller);

    const parentId = this.ofChild(caller)?.id;
    const delegation = new Delegation({
      caller,
      parentId,
      candidates,
      leftOut,
      continues,
      input: wanted,
      ports: this.#ports,
      resting: this.#resting,
    });
    const { childId } = delegation;
    this.#live.set(delegation.id, delegation);
    this.#byChild.set(childId, delegation);
    const asked = this.#askedBy(caller);
    asked.made++;
    const settleSpending = this.budgetOf(caller).add(() => delegation.spending);
    asked.line.join(delegation, caller.profile.delegation.maxConcurrentDelegations);
    void delegation.ended.then(() => {
      this.#live.delete(delegation.id);
      this.#byChild.delete(childId);
      settleSpending();
    });
    return delegation;
  }

  /** Has a task done and waits for it, cancelling it when the signal aborts. Never rejects: a refusal is a result too. */
  async delegate(caller: Session, input: DelegateInput, signal: AbortSignal): Promise<DelegationResult> {
    let delegation: Delegation;
    try {
      delegation = this.begin(caller, input);
    } catch (error) {
      return refusedResult(input.agent, error);
    }
    const cancel = (): void => delegation.cancel("the caller cancelled the call");
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await delegation.ended;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Ends all that a session has asked for, and so all below it. */
  cancelChildrenOf(session: Session, reason: string): void {
    for (const delegation of this.liveOf(session)) delegation.cancel(reason);
  }

  /**
   * A delegation by its id, if it descends from `session`. Any other id is unknown to it, whether or not it exists.
   * Throws CRU_DELEGATION_UNKNOWN.
   */
  find(session: Session, id: string): { record: DelegationRecord; live: Delegation | undefined } {
    const record = this.#ports.store.findDelegation(id);
    if (record && this.#isBelow(record.callerSessionId, session)) return { record, live: this.#live.get(id) };
    throw delegationUnknown.create(`no delegation ${JSON.stringify(id)} was made by this session`, {
      hint: "list_delegations names those you can ask about",
    });
  }

  /** As `find`, as the object a caller sees. */
  resultOf(session: Session, id: string): DelegationResult {
    const { record, live } = this.find(session, id);
    return live?.snapshot ?? toResult(record, session.profile.delegation.resultMaxBytes);
  }

  /** All that a session has asked for itself, oldest first. */
  list(session: Session): DelegationResult[] {
    const maxBytes = session.profile.delegation.resultMaxBytes;
    return this.#ports.store
      .delegationsOf(session.id)
      .map((record) => this.#live.get(record.id)?.snapshot ?? toResult(record, maxBytes));
  }

  /** Resolves when one of these ends or waits for a human, when the time is up, or when nobody waits any more. */
  async waitForNews(live: readonly Delegation[], wait: { timeoutMs: number; signal: AbortSignal }): Promise<void> {
    if (live.length === 0 || live.some((delegation) => delegation.questions.areOpen)) return;
    const news = live.flatMap((delegation) => [delegation.ended, delegation.questions.next]);
    await within(Promise.race(news), wait.timeoutMs, wait.signal);
  }

  /** Ends the process of the child that has rested longest; resolves when it is gone. Undefined if none rests. */
  endOldestResting(): Promise<void> | undefined {
    return this.#resting.endOldest();
  }

  async #endBelow(session: Session): Promise<void> {
    const live = this.liveOf(session);
    this.cancelChildrenOf(session, "the task of its caller has ended");
    await Promise.all(live.map((delegation) => delegation.ended));
    await Promise.all([...session.children].map((child) => child.end("the task of its caller has ended")));
  }

  /** A child whose task has ended may still have its process; it works for nobody. */
  #requireAtWork(caller: Session): void {
    if (caller.origin !== "delegation" || this.#byChild.has(caller.id)) return;
    throw delegationCancelled.create("the task you worked on has ended", { hint: "end your turn" });
  }

  #requireWithinLimits(caller: Session): void {
    const { line, made } = this.#askedBy(caller);
    const { maxDelegationsPerSession: most } = caller.profile.delegation;
    if (most !== undefined && made >= most) {
      throw delegationLimit.create(
        `this session has made ${made} delegations, and max_delegations_per_session is ${most}`,
        {
          hint: "do the rest yourself",
        },
      );
    }
    line.requireRoom(caller.profile.name);
    requireWithinBudget(this.budgetOf(caller), caller.root);
  }

  /** The stored session of an earlier child of the caller's tree, that is not at work. */
  #earlierChild(caller: Session, sessionId: string): SessionRecord {
    const record = this.#ports.store.findSession(sessionId);
    if (!record?.parentId || !this.#isBelow(record.parentId, caller)) {
      throw delegationUnknown.create(
        `no session ${JSON.stringify(sessionId)} was opened by a delegation of this session`,
        {
          hint: "use the session_id of a result you received in this conversation",
        },
      );
    }
    const atWork = this.#byChild.get(sessionId);
    if (atWork) {
      throw cannotContinue.create(`${atWork.agent} is still at work in session ${sessionId}`, {
        hint: `give it the message with send_to_delegation, id "${atWork.id}"`,
      });
    }
    return record;
  }

  #tellRefused(caller: Session, wanted: string, { code, message }: CrucibleError): void {
    const target = wanted === selfTarget ? caller.profile : this.agentsOf(caller).agents.get(wanted);
    this.#ports.bus.emit("delegation.refused", {
      sessionId: caller.id,
      rootId: caller.root.id,
      agent: target?.name ?? null,
      code,
      message,
    });
  }

  #askedBy(caller: Session): { line: WaitingLine; made: number } {
    const known = this.#callers.get(caller);
    if (known) return known;
    const asked = { line: new WaitingLine(), made: 0 };
    this.#callers.set(caller, asked);
    caller.scope.add("delegations", async () => {
      this.#callers.delete(caller);
      const live = this.liveOf(caller);
      this.cancelChildrenOf(caller, "the caller's session ended");
      // What they have come to is written before the store can close.
      await Promise.all(live.map((delegation) => delegation.ended));
    });
    return asked;
  }

  /** What the whole tree of a session has used. */
  budgetOf({ root }: Session): Budget {
    const budget = this.#budgets.get(root) ?? new Budget();
    this.#budgets.set(root, budget);
    return budget;
  }

  /** Whether a session, live or stored, is this one or descends from it. */
  #isBelow(id: string, session: Session): boolean {
    let at: string | null = id;
    for (let depth = 0; at !== null && depth <= maxLineage; depth++) {
      if (at === session.id) return true;
      at = this.#ports.store.findSession(at)?.parentId ?? null;
    }
    return false;
  }
}

/** An earlier child goes on with its own agent and no other, which alone knows the conversation. */
function continuing(input: DelegateInput, earlier: SessionRecord, caller: Session): DelegateInput {
  const agent = earlier.profile === caller.profile.name ? selfTarget : earlier.profile;
  const isOther = ![earlier.profile, agent, ""].includes(input.agent);
  if (isOther) throw otherAgent(earlier, "agent", input.agent);
  return { ...input, agent };
}

function requireSameAgent(earlier: SessionRecord, chosen: AgentProfile): void {
  if (chosen.name !== earlier.profile) throw otherAgent(earlier, "model_role", chosen.name);
}

function otherAgent({ id, profile }: SessionRecord, field: string, asked: string): CrucibleError {
  return cannotContinue.create(`session ${id} is one of ${profile}, and ${field} asks for ${asked}`, {
    hint: `leave ${field} out, or delegate anew`,
  });
}
