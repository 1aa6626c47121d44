/**
 * What a bridge remembers of the conversation it carries, so that it can be carried on with another daemon: who the caller said
 * it is, what is under way in either direction, and how its open sessions were opened. All of it lives here, in the process that
 * the caller started, and nowhere else: a daemon that is killed at any moment takes nothing of it along. It sends nothing.
 */
import { maxOpenRequests } from "../../acp/requests-under-way.ts";
import { isRecord, sessionIdOf, type RequestId } from "../../acp/wire.ts";
import type { Head } from "./dialect.ts";

/** Sessions of one editor that are opened again after the daemon was; those it opened first are left out beyond that. */
export const maxRestoredSessions = 1000;

/** A message of the caller; one without a method is an answer. */
export interface CallerMessage {
  id?: RequestId;
  method?: string;
  params?: unknown;
}

/** The message on a line; undefined for what is none, which whoever it is for will complain of. */
export function messageIn(line: Buffer): CallerMessage | undefined {
  try {
    const message: unknown = JSON.parse(line.toString("utf8"));
    return isRecord(message) ? message : undefined;
  } catch {
    return undefined;
  }
}

export interface OpenSession {
  sessionId: string;
  /** Of the request that opened it, but for the session's id. */
  params: Record<string, unknown>;
}

export interface UnansweredRequest {
  id: RequestId;
  method: string;
}

interface UnderWay extends UnansweredRequest {
  /** Kept of requests that open or close a session. */
  params: Record<string, unknown> | undefined;
}

/** Requests whose answer has the id of the session they open, and those that name it. */
const openings: ReadonlySet<string> = new Set(["session/new", "session/fork"]);
const reopenings: ReadonlySet<string> = new Set(["session/load", "session/resume"]);
const closings: ReadonlySet<string> = new Set(["session/close", "session/delete"]);

export class Ledger {
  readonly #underWay = new Map<string, UnderWay>();
  readonly #questions = new Set<string>();
  readonly #sessions = new Map<string, OpenSession>();
  #introduction: { id: RequestId; params: unknown; isAnswered: boolean } | undefined;

  get sessions(): OpenSession[] {
    return [...this.#sessions.values()];
  }

  /** The caller's `initialize`; undefined while there was none. */
  get introduction(): { readonly id: RequestId; readonly params: unknown; readonly isAnswered: boolean } | undefined {
    return this.#introduction;
  }

  /** A message of the caller goes to the daemon. */
  sent({ id, method, params }: CallerMessage): void {
    if (id === undefined) return;
    const key = JSON.stringify(id);
    if (method === undefined) {
      this.#questions.delete(key);
      return;
    }
    if (method === "initialize") this.#introduction = { id, params, isAnswered: false };
    const concernsSessions = openings.has(method) || reopenings.has(method) || closings.has(method);
    this.#underWay.set(key, { id, method, params: concernsSessions && isRecord(params) ? params : undefined });
  }

  /** Whether the caller has as many requests under way as a daemon takes. */
  get isFull(): boolean {
    return this.#underWay.size >= maxOpenRequests;
  }

  /** A request or an answer of the daemon goes to the caller. */
  heard(head: Head, line: Buffer): void {
    if (head.kind === "request") {
      if (this.#questions.size < maxOpenRequests) this.#questions.add(head.id);
      return;
    }
    const request = this.#underWay.get(head.id);
    this.#underWay.delete(head.id);
    if (!request) return;
    if (request.method === "initialize" && this.#introduction) this.#introduction.isAnswered = true;
    else if (request.params) this.#sessionChanged(request.method, request.params, line);
  }

  /** The daemon is gone: gives what it leaves unanswered, but for an `initialize`, and the ids of what it had asked. */
  takeLost(): { unanswered: UnansweredRequest[]; questions: RequestId[] } {
    const unanswered = [...this.#underWay.values()].filter(({ method }) => method !== "initialize");
    const questions = [...this.#questions].map((id) => JSON.parse(id) as RequestId);
    this.#underWay.clear();
    this.#questions.clear();
    return { unanswered, questions };
  }

  #sessionChanged(method: string, { sessionId: named, ...params }: Record<string, unknown>, line: Buffer): void {
    const { result } = JSON.parse(line.toString("utf8")) as { result?: unknown };
    // Answered with an error: nothing was opened or closed.
    if (result === undefined) return;
    const sessionId = openings.has(method) ? sessionIdOf(result) : named;
    if (typeof sessionId !== "string") return;
    this.#sessions.delete(sessionId);
    if (closings.has(method)) return;
    this.#sessions.set(sessionId, { sessionId, params });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > maxRestoredSessions && oldest !== undefined) this.#sessions.delete(oldest);
  }
}
