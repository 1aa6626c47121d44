/**
 * One task handed from a session to a child session, from the moment it is accepted to its one final state.
 *
 * States: queued → starting → running → ended. Every way out passes `#finish`, exactly once; what it came to is written to the
 * store before anybody is told. The child is ended after that, so that nobody waits for a process that is slow to go, and its
 * place in the queue is free only when it is gone.
 */
import { monotonicMs } from "../base/clock.ts";
import type { DelegationProgress, DelegationResult } from "../base/delegation.ts";
import { deferred } from "../base/deferred.ts";
import { newId } from "../base/ids.ts";
import { formatDuration, oneLine } from "../base/text.ts";
import type { DelegationRecord, SessionRecord } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import { Artifacts, type RanCommand, type WrittenFile } from "./artifacts.ts";
import { Attempts } from "./attempts.ts";
import type { Spending } from "./budget.ts";
import { ChildMessages } from "./child-messages.ts";
import { conversationFor } from "./context.ts";
import { cancelled, EarlyEnd } from "./early-end.ts";
import type { Candidate, DelegateInput } from "./input.ts";
import { OpenQuestions } from "./open-questions.ts";
import type { DelegationPorts, PatchArtifact } from "./ports.ts";
import { Reply } from "./reply.ts";
import type { RestingChildren } from "./resting-children.ts";
import { figuresOf, silence, toResult, type Ending } from "./result.ts";
import { tookTooLong, watchTime } from "./watch.ts";

/** Longest title shown to people, in characters. */
const maxTitleCharacters = 80;

/** Longest note of a result, in characters. */
const maxNoteCharacters = 1000;

export interface DelegationInit {
  caller: Session;
  /** The delegation whose child the caller is; undefined when a root session asks. */
  parentId: string | undefined;
  /** The first one runs; the others stand in for it, in this order. */
  candidates: readonly [Candidate, ...Candidate[]];
  /** What was to stand in for it and may not, in words. */
  leftOut: readonly string[];
  /** The stored session to go on with. */
  continues: SessionRecord | undefined;
  input: DelegateInput;
  ports: DelegationPorts;
  resting: RestingChildren;
}

export type DelegationStage = "queued" | "starting" | "running" | "ended";

export class Delegation {
  readonly id: string = newId("del");
  readonly caller: Session;
  readonly title: string;
  /** In milliseconds since 1970. */
  readonly createdAt: number = Date.now();
  // The others are of the clock of base/clock.ts.
  readonly #acceptedAt = monotonicMs();
  readonly #init: DelegationInit;
  readonly #reply = new Reply();
  readonly #artifacts = new Artifacts();
  /** As it was when the caller asked. */
  readonly #conversation: string | undefined;
  readonly #earlyEnd = new EarlyEnd();
  readonly #attempts: Attempts;
  readonly #messages = new ChildMessages();
  #leftBehind: Record<string, unknown>[] = [];
  #startedAt: number | undefined;
  #endedAt: number | undefined;
  #child: Session | undefined;
  #ending: Ending | undefined;
  #running: Promise<void> | undefined;
  readonly #outcome = deferred<DelegationResult>();
  #stage: DelegationStage = "queued";
  /** Of the session it opens. */
  readonly childId: string;
  /** Questions of its child, and of those further down. */
  readonly questions = new OpenQuestions();
  #isBackground = false;

  constructor(init: DelegationInit) {
    this.#init = init;
    this.caller = init.caller;
    this.childId = init.continues?.id ?? newId("ses");
    this.title = oneLine(init.input.description || init.input.task, maxTitleCharacters);
    const { conversation } = init.input;
    const { transcript, profile } = init.caller;
    this.#conversation = conversation && conversationFor(transcript, profile.name, conversation);
    this.#attempts = new Attempts({
      ...init,
      delegationId: this.id,
      childId: this.childId,
      title: this.title,
      conversation: this.#conversation,
      reply: this.#reply,
      artifacts: this.#artifacts,
      earlyEnd: this.#earlyEnd,
      messages: this.#messages,
      questions: this.questions,
      onBegun: () => this.#begun(),
      onOpened: (child) => this.#opened(child),
      onActivity: () => this.#stage !== "ended" && this.#tell("activity", this.#reply.activity),
      onDone: (ending, patch) => this.#finish(ending, patch),
    });
    this.#save();
  }

  /** Name of the profile that runs it, or is about to. */
  get agent(): string {
    return this.#attempts.agent;
  }

  get stage(): DelegationStage {
    return this.#stage;
  }

  /** Of the session it opens; undefined when it has ended without one. */
  get childSessionId(): string | undefined {
    return this.#stage === "ended" && !this.#child ? undefined : this.childId;
  }

  get toolCalls(): number {
    return this.#reply.toolCalls;
  }

  /** Text it keeps for its child, in characters. */
  get characters(): number {
    const { task, context = "" } = this.#init.input;
    return task.length + context.length + (this.#conversation?.length ?? 0);
  }

  /** No call waits for it. */
  get isBackground(): boolean {
    return this.#isBackground;
  }

  /** The call that asked for it comes back before it has ended. */
  goesToBackground(): void {
    this.#isBackground = true;
  }

  /** Aborts once the delegation is to end early. */
  get stopping(): AbortSignal {
    return this.#earlyEnd.signal;
  }

  /** What to tell whoever waits, in one line. */
  get activity(): string {
    const since = formatDuration(monotonicMs() - (this.#startedAt ?? this.#acceptedAt));
    const what = this.#stage === "queued" ? "waiting for a free place" : this.#reply.activity;
    const { tokens } = this.#reply.usage;
    return `${this.agent}: ${what}, ${since}${tokens === null ? "" : `, ${Math.round(tokens / 1000)}k tokens`}`;
  }

  /** For the budget of its tree. */
  get spending(): Spending {
    const runMs = this.#startedAt === undefined ? 0 : (this.#endedAt ?? monotonicMs()) - this.#startedAt;
    return { usage: this.#reply.usage, runMs };
  }

  /** As it stands now: a handle while it goes on, the result once it has ended. */
  get snapshot(): DelegationResult {
    return toResult(this.#record(), this.caller.profile.delegation.resultMaxBytes);
  }

  /** Whether a session is its child or descends from it. */
  concerns(sessionId: string): boolean {
    return this.#child !== undefined && descends(this.#child, sessionId);
  }

  /** Ends it early. The first reason counts; after the end it does nothing. */
  cancel(reason: string): void {
    if (this.#stage !== "ended") this.#earlyEnd.ask(cancelled(reason));
  }

  /** A further message for the child; it gets it when its turn ends, and its answer to it is the result then. */
  send(message: string): ReturnType<ChildMessages["add"]> {
    return this.#earlyEnd.asked ? "over" : this.#messages.add(message);
  }

  /** A file was written on its child's behalf. */
  wrote(file: WrittenFile): void {
    this.#artifacts.wrote(file);
  }

  /** A command was run on its child's behalf; told when it begins and when it has ended. */
  ran(command: RanCommand): void {
    this.#artifacts.ran(command);
  }

  announceQueued(): void {
    this.#tell("queued", "waiting for a free place");
  }

  /** The result, once there is one. Never rejects: every failure is a result. */
  get ended(): Promise<DelegationResult> {
    return this.#outcome.promise;
  }

  /** Runs the child to its end, once however often it is called. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#attempts.run().finally(this.#startClock());
    return this.#running;
  }

  /** One time for all turns, and for all candidates together. Returns how to stop it. */
  #startClock(): () => void {
    const { caller, input } = this.#init;
    const limits = [caller.profile.delegation.timeoutSeconds, input.timeoutSeconds];
    const seconds = Math.min(...limits.map((limit) => limit ?? Number.POSITIVE_INFINITY));
    return watchTime(seconds * 1000, () =>
      this.#earlyEnd.ask({ status: "timed_out", error: tookTooLong(this.agent, seconds) }),
    );
  }

  #begun(): void {
    this.#stage = "starting";
    this.#startedAt ??= monotonicMs();
    if (!this.#earlyEnd.asked) this.#tell("starting", `starting ${this.agent}`);
  }

  #opened(child: Session): void {
    this.#child = child;
    this.#stage = "running";
    this.#save();
    this.#tell("started", this.title);
  }

  #finish(ending: Ending, patch: PatchArtifact | undefined): void {
    this.#stage = "ended";
    this.#ending = ending;
    const seen = this.#artifacts.list(this.#child?.cwd ?? this.caller.cwd);
    this.#leftBehind = [...seen, ...(patch ? [{ ...patch }] : [])];
    this.#endedAt = monotonicMs();
    this.#save();
    const result = this.snapshot;
    this.#tell("ended", ending.error?.message ?? `done in ${formatDuration(result.duration_ms)}`, result);
    const { agent, status } = result;
    this.caller.transcript.delegated({ agent, title: this.title, status, result: result.result });
    this.#outcome.resolve(result);
  }

  /** From the call to its end; null before that. */
  get #tookMs(): number | null {
    return this.#endedAt === undefined ? null : Math.round(this.#endedAt - this.#acceptedAt);
  }

  #save(): void {
    this.#init.ports.store.saveDelegation(this.#record());
  }

  #record(): DelegationRecord {
    const said = this.#reply.text;
    const isSilent = said === "" && this.#ending?.status === "completed";
    return {
      id: this.id,
      callerSessionId: this.caller.id,
      childSessionId: this.childSessionId ?? null,
      agent: this.agent,
      title: this.title,
      task: this.#init.input.task,
      status: this.#ending?.status ?? (this.#stage === "queued" ? "queued" : "running"),
      result: isSilent ? silence(this.#reply.toolCalls) : said,
      stopReason: this.#ending?.stopReason ?? null,
      error: this.#ending?.error ?? null,
      tried: this.#attempts.tried,
      notes: [...this.#init.leftOut, ...this.#attempts.notes].map((note) => oneLine(note, maxNoteCharacters)),
      artifacts: this.#leftBehind,
      usage: this.#reply.usage,
      createdAt: this.createdAt,
      // So that the time between the two is what it took, whoever sets the clock meanwhile.
      endedAt: this.#tookMs === null ? null : this.createdAt + this.#tookMs,
    };
  }

  #tell(kind: DelegationProgress["kind"], line: string, result?: DelegationResult): void {
    this.#init.ports.bus.emit("delegation.progress", {
      delegationId: this.id,
      parentId: this.#init.parentId ?? null,
      agent: this.agent,
      title: this.title,
      depth: this.caller.depth + 1,
      kind,
      line: oneLine(line, 200),
      status: result?.status ?? null,
      at: Date.now(),
      sessionId: this.caller.id,
      rootId: this.caller.root.id,
      childId: this.childId,
      figures: result ? figuresOf(result) : null,
    });
  }
}

function descends(session: Session, id: string): boolean {
  return session.id === id || [...session.children].some((child) => descends(child, id));
}
