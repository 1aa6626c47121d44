/**
 * Who may do what: the tap that answers an agent's permission questions, and the check for what an agent does without asking.
 * First what the session was given and what is closed to all, then the rules of its whole lineage, then what the human said before; what is left is
 * put to the human at the root. Every decision is told once, as `permission.decided`.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { isRecord } from "../acp/wire.ts";
import type { Bus } from "../observe/bus.ts";
import type { Session } from "../sessions/session.ts";
import { deedOfAct, ownQuestion, refusalOf, type Act } from "./act.ts";
import { granting, isGranted, kindOfAnswer, onceInstead, refusing, withdrawn } from "./answers.ts";
import { Decisions, notGiven, shown, shownSubject, wordsFor, type Decided } from "./decisions.ts";
import { deedOf, type Deed } from "./deed.ts";
import { expired, Humans, type OpenQuestion } from "./humans.ts";
import { LineageRules } from "./lineage-rules.ts";
import type { Verdict } from "./policy.ts";
import { attributed, questionTitle, type Attributed } from "./question.ts";
import { Remembered, type RememberedAnswer } from "./remembered.ts";
import { SeenCalls } from "./seen-calls.ts";
import { missingToolSet } from "./tool-kinds.ts";

const method = "session/request_permission";

export interface PermissionsParts {
  bus: Bus;
  /** Where a path really leads, links resolved; the path itself where that cannot be told. */
  realPath: (path: string) => string;
  /** What of the configuration closes a path to all sessions, in words. */
  closedBy: (session: Session, path: string) => string | undefined;
}

/** What is held about one session while it lives. */
interface Held {
  readonly seen: SeenCalls;
  readonly remembered: Remembered;
}

export interface RememberedFact extends RememberedAnswer {
  readonly sessionId: string;
  readonly agent: string;
  readonly subjects: string[];
}

/** Something that has to be put to the human. */
interface ToAsk {
  asker: Session;
  deed: Deed;
  verdict: Verdict;
}

interface Asking {
  params: unknown;
  put: (signal: AbortSignal) => Promise<unknown>;
  signal: AbortSignal;
}

export class Permissions {
  readonly #humans: Humans;
  readonly #decisions: Decisions;
  readonly #rules: LineageRules;
  readonly #closedBy: PermissionsParts["closedBy"];
  readonly #held = new WeakMap<Session, Held>();
  /**
   * Requests of an agent that speaks in another's place, by their signals: they come through that session's pipe as well, and
   * were decided before, with the rules of both.
   */
  readonly #decidedBefore = new WeakMap<AbortSignal, ToAsk>();

  constructor({ bus, realPath, closedBy }: PermissionsParts) {
    this.#humans = new Humans(bus);
    this.#decisions = new Decisions(bus);
    this.#rules = new LineageRules(realPath);
    this.#closedBy = closedBy;
  }

  /** Questions that wait for a human now, in the order in which they were asked. */
  get openQuestions(): readonly OpenQuestion[] {
    return this.#humans.open;
  }

  /** What the human said "always" and "never" to in this session, the oldest first. Secrets are taken out. */
  rememberedOf(session: Session): RememberedFact[] {
    const who = { sessionId: session.id, agent: session.profile.name };
    return this.#of(session).remembered.answers.map(({ subjects, ...answer }) => ({
      ...who,
      ...answer,
      subjects: subjects.map(shown),
    }));
  }

  /**
   * Settles when the session may do what it is about to do; rejects with CRU_PERMISSION_DENIED when it may not. For what an
   * agent does through its client without asking first: a rule that denies refuses, a rule that asks asks, all else passes.
   */
  async check(session: Session, act: Act): Promise<void> {
    const signal = act.signal ?? new AbortController().signal;
    if (this.#decidedBefore.has(signal)) return;
    const { remembered } = this.#of(session);
    const deed = deedOfAct(act, session.cwd);
    const denied = (decidedBy: string): Error => {
      this.#decisions.tell({ session, deed, decision: "denied", decidedBy });
      return refusalOf(act, decidedBy);
    };
    const missing = missingToolSet(act.kind, session.grant.tools);
    if (missing) throw denied(notGiven(missing));
    const verdict = this.#rules.decide(session, deed, { unasked: true });
    if (verdict.outcome === "deny") throw denied(wordsFor(verdict));
    const said = remembered.answerTo(deed);
    if (said === false) throw denied("remembered");
    if (verdict.outcome === "ask" && said !== true && !remembered.wasAllowedThisTurn(deed)) {
      const params = ownQuestion(act);
      const put = putterFor({ asker: session, deed }, params);
      const answer = await this.#ask({ asker: session, deed, verdict }, { params, put, signal });
      if (!isGranted(params, answer)) throw refusalOf(act, "it was asked, and not allowed");
    } else if (verdict.by !== "default") {
      const decidedBy = verdict.outcome === "ask" ? "remembered" : wordsFor(verdict);
      this.#decisions.tell({ session, deed, decision: "allowed", decidedBy });
    }
    if (session.origin === "handoff") this.#decidedBefore.set(signal, { asker: session, deed, verdict });
  }

  /** Has it on record that something else than the rules has refused an act: where a path leads. */
  refusedBy(decidedBy: string, { session, act, detail }: { session: Session; act: Act; detail: string }): void {
    this.#decisions.tell({ session, deed: deedOfAct(act, session.cwd), decision: "denied", decidedBy, detail });
  }

  /** The tap for one session. */
  interceptor(session: Session): Interceptor {
    const pending = new Set<AbortController>();
    const { seen, remembered } = this.#of(session);
    let cancelled = false;
    return {
      name: "permissions",

      clientRequest(request, next) {
        if (request.method === "session/prompt") {
          cancelled = false;
          remembered.turnBegins();
        }
        return next(request);
      },

      agentNotification(notification, next) {
        if (notification.method === "session/update") seen.note(notification.params);
        next(notification);
      },

      agentRequest: async (request, next) => {
        if (request.method !== method) return next(request);
        if (cancelled) return withdrawn;
        const controller = new AbortController();
        pending.add(controller);
        const signal = AbortSignal.any([request.signal, controller.signal]);
        try {
          const put = (asking: AbortSignal): Promise<unknown> => next({ ...request, signal: asking });
          const decided = this.#decidedBefore.get(request.signal);
          return decided
            ? await this.#ask(decided, { params: request.params, put, signal })
            : await this.#answer(session, { params: request.params, put, signal });
        } catch (error) {
          if (signal.aborted) return withdrawn;
          throw error;
        } finally {
          pending.delete(controller);
        }
      },

      // Who cancels a turn has to answer its open questions as cancelled (ACP, "Cancellation"). An editor does so for its
      // own; for a child the client is Crucible.
      clientNotification(notification, next) {
        if (notification.method === "session/cancel" && session.origin === "delegation") {
          cancelled = true;
          for (const controller of pending) controller.abort();
        }
        next(notification);
      },
    };
  }

  /** The answer to an agent's question: by what it was given, by rule, from memory, or the human's. */
  async #answer(session: Session, asking: Asking): Promise<unknown> {
    const { params, put, signal } = asking;
    const { seen, remembered } = this.#of(session);
    const deed = deedOf(params, { cwd: session.cwd, servers: serversOf(session), known: seen.of(params) });
    const tell = (decision: Decided["decision"], decidedBy: string): void =>
      this.#decisions.tell({ session, deed, decision, decidedBy });

    const missing = [deed.kind, ...deed.paths.map(({ kind }) => kind), ...deed.commands.map(() => "execute")]
      .map((kind) => missingToolSet(kind, session.grant.tools))
      .find((tool) => tool !== undefined);
    const verdict = this.#rules.decide(session, deed);
    const said = remembered.answerTo(deed);
    const closed = deed.paths.map(({ path }) => this.#closedBy(session, path)).find((words) => words !== undefined);
    const against =
      (missing && notGiven(missing)) ??
      closed ??
      (verdict.outcome === "deny" ? wordsFor(verdict) : undefined) ??
      (said === false ? "remembered" : undefined);
    if (against !== undefined) {
      tell("denied", against);
      return refusing(params);
    }
    const grant = granting(params);
    if (grant && (verdict.outcome === "allow" || said === true)) {
      tell("allowed", verdict.outcome === "allow" ? wordsFor(verdict) : "remembered");
      remembered.once(deed);
      return grant;
    }
    if (session.origin === "handoff") {
      // It comes by once more, in the pipe of the session in whose place this one speaks, and is asked there.
      this.#decidedBefore.set(signal, { asker: session, deed, verdict });
      return put(signal);
    }
    const toHuman = session.origin === "delegation" ? putterFor({ asker: session, deed }, params) : put;
    return this.#ask({ asker: session, deed, verdict }, { params, put: toHuman, signal });
  }

  /** The human's answer, as the agent gets it; where nobody can be asked, the rules'. */
  async #ask({ asker, deed, verdict }: ToAsk, { params, put, signal }: Asking): Promise<unknown> {
    const { root } = asker;
    const { remembered } = this.#of(asker);
    const detail = `asked by ${wordsFor(verdict)}`;
    const tell = (decision: Decided["decision"], decidedBy: string): void =>
      this.#decisions.tell({ session: asker, deed, decision, decidedBy, detail });
    const unattended = (why: string): unknown => {
      const grant = isLeftAllowed(asker) ? granting(params) : undefined;
      tell(grant ? "allowed" : "denied", `unattended: ${why}`);
      return grant ?? refusing(params);
    };
    if (!root.client.isAttended) return unattended("nobody is there to ask");
    if (this.#humans.isBusy(root)) return unattended("too many questions wait");

    const title =
      asker.origin === "delegation" ? questionTitle(attributed(params, wordsOf({ asker, deed }))) : deed.title;
    const subject = shownSubject(deed);
    const timeoutMs = asker.profile.permissions.askTimeoutSeconds * 1000;
    let answer: unknown;
    try {
      answer = await this.#humans.ask({ asker, params, title, kind: deed.kind, subject, timeoutMs, put }, signal);
    } catch (error) {
      // The client of a child is Crucible, and its agent no party to what is wrong with the editor.
      if (!signal.aborted && asker.origin === "delegation") return unattended("the editor could not ask");
      tell("withdrawn", signal.aborted ? "nobody waits for it any more" : "the editor could not ask");
      throw error;
    }
    if (answer === expired) {
      tell("expired", `ask_timeout_seconds of ${asker.profile.name}`);
      return refusing(params);
    }
    const kind = kindOfAnswer(params, answer);
    if (kind === "allow_always" || kind === "reject_always") remembered.always(deed, kind === "allow_always");
    if (kind === "allow_once") remembered.once(deed);
    if (kind === undefined) tell("withdrawn", "the user");
    else
      tell(
        kind.startsWith("allow") ? "allowed" : "denied",
        `the user (${kind.endsWith("always") ? "always" : "once"})`,
      );
    // A child's agent may keep an "always" longer than its session lives, and hold it for wider; Crucible remembers it instead.
    return asker.origin === "delegation" ? onceInstead(params, answer) : answer;
  }

  #of(session: Session): Held {
    const held = this.#held.get(session) ?? { seen: new SeenCalls(), remembered: new Remembered() };
    this.#held.set(session, held);
    return held;
  }
}

/** Asks at the root's editor or terminal past the taps, saying who asks where that is a child. */
function putterFor(asked: Pick<ToAsk, "asker" | "deed">, params: unknown): Asking["put"] {
  const { asker } = asked;
  const question = asker.origin === "delegation" ? attributed(params, wordsOf(asked)) : isRecord(params) ? params : {};
  return (signal) => asker.root.askClient(method, question, signal);
}

function wordsOf({ asker, deed }: Pick<ToAsk, "asker" | "deed">): Attributed {
  return { asker, commands: deed.commands.map(({ text }) => text) };
}

/** Whether every session of a lineage says that what cannot be asked is allowed. */
function isLeftAllowed(session: Session): boolean {
  return session.lineage.every(({ profile }) => profile.permissions.unattended === "allow");
}

/** Names of the MCP servers its agent may have been given. */
function serversOf({ client, root }: Session): string[] {
  const names = [...client.mcpServers, ...root.client.mcpServers].map((server) =>
    isRecord(server) ? server["name"] : undefined,
  );
  return ["crucible", ...names.filter((name) => typeof name === "string" && name !== "")] as string[];
}
