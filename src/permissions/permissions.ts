/**
 * Who may do what: the tap that answers an agent's permission questions, and the check for what an agent does without asking.
 * Questions of any depth come to the human at the editor of the root session: a root session's as they are, a child's
 * attributed, all of one tree one at a time. Where no human is, a child's question is refused.
 */
import type { Interceptor } from "../acp/interceptor.ts";
import { isRecord, RpcError, rpcCodes } from "../acp/wire.ts";
import type { Bus } from "../observe/bus.ts";
import type { Session } from "../sessions/session.ts";
import { attributed, questionTitle, refusal, withdrawn } from "./question.ts";
import { permissionDenied } from "./errors.ts";
import { kindOf, missingToolSet, type ToolKind } from "./tool-kinds.ts";
import { QuestionLine } from "./question-line.ts";

const method = "session/request_permission";

/** Something that an agent is about to do through its client. */
export interface Act {
  kind: ToolKind;
  /**
   * What it is done to; every name that is known of it, where there are several. The whole command line for `execute`; absolute
   * paths for `read`, `edit`, `delete`, `move` and `search`, as named and as they really are where links lead elsewhere.
   */
  subjects: readonly string[];
  /** For people: what it is, in a few words. */
  title: string;
  /** Aborts when nobody waits for it any more. */
  signal?: AbortSignal | undefined;
}

export class Permissions {
  readonly #lines = new WeakMap<Session, QuestionLine>();
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /**
   * Settles when the session may do what it is about to do; rejects with CRU_PERMISSION_DENIED when it may not. For what an
   * agent does through its client without asking first.
   */
  async check(session: Session, act: Act): Promise<void> {
    const missing = missingToolSet(act.kind, session.grant.tools);
    if (!missing) return;
    throw permissionDenied.create(`this session was not given ${missing}: ${act.title}`, {
      hint: "do without, and say in your report what you could not do",
    });
  }

  /** The tap for one session. */
  interceptor(session: Session): Interceptor {
    const pending = new Set<AbortController>();
    let cancelled = false;
    return {
      name: "permissions",

      clientRequest(request, next) {
        if (request.method === "session/prompt") cancelled = false;
        return next(request);
      },

      agentRequest: async (request, next) => {
        if (request.method !== method) return next(request);
        if (cancelled) return withdrawn;
        if (this.#isBeyondGrant(session, request.params)) return refusal(request.params);
        const controller = new AbortController();
        pending.add(controller);
        const signal = AbortSignal.any([request.signal, controller.signal]);
        try {
          return session.origin === "delegation"
            ? await this.#askForChild(session, request.params, signal)
            : await this.#lineOf(session).ask(() => next({ ...request, signal }), signal);
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

  /** Whether it asks for what the session was not given; nobody has to be asked then. */
  #isBeyondGrant(session: Session, params: unknown): boolean {
    const missing = missingToolSet(kindOf(params), session.grant.tools);
    if (!missing) return false;
    this.#bus.emit("permission.answered", {
      sessionId: session.id,
      rootId: session.root.id,
      title: questionTitle(attributed(params, session)),
      outcome: `refused: it was not given ${missing}`,
    });
    return true;
  }

  async #askForChild(session: Session, params: unknown, signal: AbortSignal): Promise<unknown> {
    const { root } = session;
    const line = this.#lineOf(root);
    const question = attributed(params, session);
    const title = questionTitle(question);
    if (!root.isAttended || line.isFull) {
      const why = line.isFull ? "refused: too many questions wait" : "refused: nobody is there to ask";
      this.#bus.emit("permission.answered", { sessionId: session.id, rootId: root.id, title, outcome: why });
      return refusal(params);
    }
    signal.throwIfAborted();
    const who = { sessionId: session.id, rootId: root.id, title };
    const told = (outcome: string): void => this.#bus.emit("permission.answered", { ...who, outcome });
    const withdraw = (): void => told("withdrawn");
    // It waits for a human from now on, also while others stand before it in the line.
    this.#bus.emit("permission.asked", who);
    signal.addEventListener("abort", withdraw, { once: true });
    try {
      const answer = await line.ask((asking) => root.askClient(method, question, asking), signal);
      if (!signal.aborted) told(JSON.stringify(isRecord(answer) ? answer["outcome"] : answer));
      return answer;
    } catch (error) {
      if (!signal.aborted) told("not answered");
      // Whoever could have answered has left; the asker may go on without.
      if (error instanceof RpcError && error.code === rpcCodes.cancelled && !signal.aborted) return refusal(params);
      throw error;
    } finally {
      signal.removeEventListener("abort", withdraw);
    }
  }

  #lineOf(root: Session): QuestionLine {
    const line = this.#lines.get(root) ?? new QuestionLine();
    this.#lines.set(root, line);
    return line;
  }
}
