/**
 * May the agent that has a conversation hand it over, and to whom: decided here, from the grant of its session as a delegation
 * is. What then happens is the conversation's business. Limits are those of the profile the conversation was begun with.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import type { AgentProfile } from "../config/config.ts";
import { mayDelegate, successorGrant } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import { requireWithinBudget } from "./budget.ts";
import { Conversation } from "./conversation.ts";
import type { Newcomer } from "./handoff-turn.ts";
import { isDynamic } from "./dynamic-agents.ts";
import { delegationLimit, depthExceeded, handoffRefused } from "./errors.ts";
import { decide, reachableTargets } from "./policy.ts";
import type { HandoffPorts } from "./ports.ts";

export interface HandoffInput {
  agent: string;
  message: string;
  /** The target starts without the conversation so far. */
  newSession: boolean;
  /** Undefined = the conversation comes back, unless it is given back itself. */
  returnAfter: boolean | undefined;
}

export interface AcceptedHandoff {
  agent: string;
  returnAfter: boolean;
  /** The target had the conversation before, and goes on where it was. */
  isBack: boolean;
}

export class Handoffs {
  readonly #ports: HandoffPorts;
  readonly #conversations = new WeakMap<Session, Conversation>();

  constructor(ports: HandoffPorts) {
    this.#ports = ports;
  }

  /** The taps of a session: one where an editor opened it, none elsewhere. */
  taps(session: Session): Interceptor[] {
    if (session.origin !== "editor") return [];
    const conversation = new Conversation(session, this.#ports);
    this.#conversations.set(session, conversation);
    return [conversation.tap()];
  }

  /** Whether the tool is worth offering to a session. */
  isOffered(session: Session): boolean {
    const { maxHandoffDepth, maxHandoffsPerSession } = session.root.profile.delegation;
    if (!this.#conversationOf(session) || maxHandoffDepth === 0 || maxHandoffsPerSession === 0) return false;
    return session.origin === "handoff" || mayDelegate(session);
  }

  /** The agents a session may hand over to, and of those the conversation can be given back to their names. */
  targets(session: Session): { profiles: AgentProfile[]; former: string[] } {
    const directory = this.#ports.agentsOf(session);
    const former = this.#conversationOf(session)?.formerSpeakers ?? [];
    return { profiles: reachableTargets(session, directory), former: former.map(({ name }) => name) };
  }

  /** Has the target take over when the session's turn ends. Throws the refusal when the rules do not allow it. */
  accept(session: Session, input: HandoffInput): AcceptedHandoff {
    const conversation = this.#requireSpeaking(session);
    const former = conversation.formerSpeakers.find(({ name }) => name === input.agent);
    const target = former ?? this.#newcomer(session, input.agent, conversation);
    const { delegation, name } = session.root.profile;
    if (conversation.handoffsMade >= delegation.maxHandoffsPerSession) {
      throw delegationLimit.create(
        `this conversation was handed over ${conversation.handoffsMade} times, and max_handoffs_per_session of ${name} is ${delegation.maxHandoffsPerSession}`,
        { hint: "answer the user yourself, or delegate the work with delegate_session" },
      );
    }
    // Who gives something back does not expect to get it again.
    const returnAfter = input.returnAfter ?? former === undefined;
    conversation.accept({ message: input.message, isFresh: input.newSession, returnAfter, target });
    return {
      agent: "profile" in target ? target.profile.name : target.name,
      returnAfter,
      isBack: former !== undefined,
    };
  }

  /** A stored conversation is open again, on the agent it was begun with. */
  reopened(session: Session): void {
    this.#conversations.get(session)?.reopened();
  }

  #conversationOf(session: Session): Conversation | undefined {
    return this.#conversations.get(session.conversation);
  }

  #requireSpeaking(session: Session): Conversation {
    const conversation = this.#conversationOf(session);
    if (!conversation) {
      throw handoffRefused.create("no user talks to this session: it has no conversation to hand over", {
        hint: session.parent
          ? "finish the task and report to the agent that gave it to you; delegate_session passes on parts of it"
          : "use delegate_session to have another agent do something",
      });
    }
    if (!conversation.isSpeaking(session)) {
      throw handoffRefused.create("a conversation can be handed over only while you answer its user", {
        hint: "call this during your turn",
      });
    }
    if (conversation.hasAccepted) {
      throw handoffRefused.create("in this turn the conversation is handed over already", {
        hint: "end your turn now",
      });
    }
    return conversation;
  }

  /** Throws the refusal. */
  #newcomer(session: Session, agent: string, conversation: Conversation): Newcomer {
    const decision = decide(session, agent, this.#ports.agentsOf(session));
    if (!decision.allowed) throw decision.refusal;
    const { maxHandoffDepth } = session.root.profile.delegation;
    if (conversation.depth >= maxHandoffDepth) {
      throw depthExceeded.create(
        `this conversation was handed on ${conversation.depth} times from agent to agent, and max_handoff_depth of ${session.root.profile.name} is ${maxHandoffDepth}`,
        { hint: "answer the user yourself, or give the conversation back" },
      );
    }
    requireWithinBudget(this.#ports.budgetOf(session), session.root);
    const { profile } = decision;
    const narrowing = isDynamic(profile) ? { tools: profile.tools } : {};
    return { profile, narrowing, grant: successorGrant(session.grant, profile, narrowing) };
  }
}
