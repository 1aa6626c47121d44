/**
 * Putting questions to the human at the root of a tree: one at a time, in the order in which they came, each with a deadline that
 * counts from when it is put. Told on the bus from when it enters the line until it is answered. What is asked, and what comes
 * of the answer, is not decided here.
 */
import { timedOut, within } from "../base/deadline.ts";
import { newId } from "../base/ids.ts";
import type { Bus, Events } from "../observe/bus.ts";
import type { Session } from "../sessions/session.ts";
import { kindOfAnswer, type AnswerKind } from "./answers.ts";
import { QuestionLine } from "./question-line.ts";

export interface HumanQuestion {
  asker: Session;
  /** As the agent asks it, with the options it offers. */
  params: unknown;
  /** For people, attributed. */
  title: string;
  kind: string;
  subject: string;
  timeoutMs: number;
  /** Brings it to the human; the signal takes it back. */
  put: (signal: AbortSignal) => Promise<unknown>;
}

/** One that waits for its answer, or for its turn. Times in milliseconds since 1970. */
export interface OpenQuestion {
  readonly id: string;
  readonly sessionId: string;
  readonly rootId: string;
  readonly agent: string;
  readonly title: string;
  readonly kind: string;
  readonly subject: string;
  readonly askedAt: number;
  /** Null while others stand before it in the line. */
  readonly putAt: number | null;
}

/** The deadline has passed. */
export const expired: unique symbol = Symbol("expired");

export class Humans {
  readonly #lines = new WeakMap<Session, QuestionLine>();
  readonly #open = new Map<string, OpenQuestion>();
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Those of all trees, in the order in which they were asked. */
  get open(): readonly OpenQuestion[] {
    return [...this.#open.values()];
  }

  /** Whether so many questions wait in the tree of this session that no more are taken. */
  isBusy(session: Session): boolean {
    return this.#lineOf(session.root).isFull;
  }

  /** The answer as it came, or `expired`. Rejects with the signal's reason when nobody waits for it any more. */
  async ask(question: HumanQuestion, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const { asker, title, kind, subject } = question;
    const id = newId("ask");
    const where = { sessionId: asker.id, rootId: asker.root.id, title };
    const who = { questionId: id, ...where };
    const entry = { id, ...where, agent: asker.profile.name, kind, subject, askedAt: Date.now(), putAt: null };
    this.#open.set(id, entry);
    // It waits for a human from now on, also while others stand before it in the line.
    this.#tellAsked(question, who);
    let outcome = "withdrawn";
    try {
      const answer = await this.#lineOf(asker.root).ask((asking) => {
        this.#open.set(id, { ...entry, putAt: Date.now() });
        return putWithDeadline(question, asking);
      }, signal);
      outcome = answer === expired ? "expired" : outcomeOf(kindOfAnswer(question.params, answer));
      return answer;
    } catch (error) {
      if (!signal.aborted) outcome = "not answered";
      throw error;
    } finally {
      this.#open.delete(id);
      this.#tellAnswered(question, { ...who, outcome });
    }
  }

  // A root session's own question is between its editor and its agent, and nobody else waits for it.
  #tellAsked({ asker }: HumanQuestion, who: Events["permission.asked"]): void {
    if (asker.origin === "delegation") this.#bus.emit("permission.asked", who);
  }

  #tellAnswered({ asker }: HumanQuestion, what: Events["permission.answered"]): void {
    if (asker.origin === "delegation") this.#bus.emit("permission.answered", what);
  }

  #lineOf(root: Session): QuestionLine {
    const line = this.#lines.get(root) ?? new QuestionLine();
    this.#lines.set(root, line);
    return line;
  }
}

async function putWithDeadline(question: HumanQuestion, signal: AbortSignal): Promise<unknown> {
  const deadline = new AbortController();
  const asking = AbortSignal.any([signal, deadline.signal]);
  const answer = await within(putUntilAnswered(question, asking), question.timeoutMs, signal);
  if (answer !== timedOut) return answer;
  deadline.abort();
  return expired;
}

/** An editor that goes away and comes back while its session goes on is asked again. */
async function putUntilAnswered({ asker: { root }, put }: HumanQuestion, signal: AbortSignal): Promise<unknown> {
  for (;;) {
    try {
      return await put(signal);
    } catch (error) {
      if (signal.aborted || root.client.isAttended || root.state === "ended") throw error;
      await root.client.rejoined;
      signal.throwIfAborted();
    }
  }
}

function outcomeOf(kind: AnswerKind | undefined): string {
  return kind ?? "cancelled";
}
