/**
 * One of the agents of a conversation that can be handed over: the one it was begun with, or one it was handed to. Keeps what
 * this one has said, for the others, and what it has to be told of the others with its next prompt.
 */
import { isRecord } from "../acp/wire.ts";
import { monotonicMs } from "../base/clock.ts";
import { headAndTail } from "../base/text.ts";
import type { Session } from "../sessions/session.ts";
import type { Spending } from "./budget.ts";
import type { Successor } from "./ports.ts";
import { Reply } from "./reply.ts";

/** Of what a speaker said last, the others are told so much, in bytes of UTF-8. */
export const maxSummaryBytes = 8 * 1024;

/** Things one speaker may have to be told; the oldest goes first when there are more. */
export const maxNotes = 20;

export class Speaker {
  readonly name: string;
  /** Slash commands its agent has told (ACP, "Slash Commands"). */
  commands: readonly unknown[] = [];
  /** Its agent has gone by itself. */
  isGone = false;
  readonly #reply = new Reply();
  #notes: string[] = [];
  #turns = 0;
  #turnsTold = 0;
  /** By the clock of base/clock.ts, while it has a turn. */
  #turnBeganAt: number | undefined;
  /** In the turns before, in milliseconds. */
  #spokeMs = 0;
  #session: Session | undefined;
  #successor: Successor | undefined;

  /** Without a session it is one whose agent has yet to start. */
  constructor(name: string, session?: Session) {
    this.name = name;
    this.#session = session;
  }

  joined(successor: Successor): void {
    this.#successor = successor;
    this.#session = successor.session;
  }

  /** Undefined for the one the conversation was begun with. */
  get successor(): Successor | undefined {
    return this.#successor;
  }

  get session(): Session {
    if (!this.#session) throw new Error(`${this.name} has not joined the conversation yet`);
    return this.#session;
  }

  /** Whether what it says belongs into the conversation. */
  get hasLeft(): boolean {
    return this.isGone || this.#session?.state === "ended";
  }

  /** For the budget of its tree. */
  get spending(): Spending {
    const now = this.#turnBeganAt === undefined ? 0 : monotonicMs() - this.#turnBeganAt;
    return { usage: this.#reply.usage, runMs: this.#spokeMs + now };
  }

  turnBegins(): void {
    this.#turns++;
    this.#turnBeganAt = monotonicMs();
    this.#reply.turnStarted();
  }

  /** `answer` = to the prompt of that turn; undefined when there is none. */
  turnEnds(answer: unknown): void {
    this.#spokeMs += monotonicMs() - (this.#turnBeganAt ?? monotonicMs());
    this.#turnBeganAt = undefined;
    this.#reply.finished(answer);
  }

  /** Takes the params of a `session/update`. */
  hear(params: unknown): void {
    this.#reply.update(params);
  }

  /** To be told with its next prompt. */
  note(text: string): void {
    this.#notes.push(text);
    if (this.#notes.length > maxNotes) this.#notes.shift();
  }

  /** What it has to be told now. Kept back while the prompt is a slash command, which has to stand first. */
  takeNotes(prompt: readonly unknown[]): string[] {
    return isCommand(prompt) ? [] : this.#notes.splice(0);
  }

  /** The others know all of its turns so far. */
  turnsAreKnown(): void {
    this.#turnsTold = this.#turns;
  }

  /** What the others should know of its turns since this was asked last; nothing when there were none. */
  takeSummary(): string[] {
    if (this.#turns === this.#turnsTold) return [];
    const turns = this.#turns - this.#turnsTold;
    this.#turnsTold = this.#turns;
    const { text } = headAndTail(this.#reply.text, maxSummaryBytes, (omitted) => `\n[… ${omitted} bytes left out …]\n`);
    const had = `${this.name} had the conversation for ${turns === 1 ? "one turn" : `${turns} turns`}`;
    const said = text === "" ? "and said nothing." : `and said last:\n${text.replace(/^/gm, "> ")}`;
    return [`[${had}, ${said}]`, ...this.#notes.splice(0)];
  }
}

function isCommand([first]: readonly unknown[]): boolean {
  return isRecord(first) && typeof first["text"] === "string" && first["text"].startsWith("/");
}
