/**
 * One child at work on a task: opens its session, prompts it, gives it further messages, watches over it, and says how its work
 * ended. It keeps no record and tells nobody; the delegation does.
 */
import { isDeepStrictEqual } from "node:util";
import { isRecord, RpcError, type Peer } from "../acp/wire.ts";
import { monotonicMs } from "../base/clock.ts";
import { within } from "../base/deadline.ts";
import { CrucibleError, exitCodes, messageOf } from "../base/errors.ts";
import { oneLine } from "../base/text.ts";
import type { AgentProfile } from "../config/config.ts";
import type { Narrowing } from "../sessions/grant.ts";
import type { SessionRecord } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import type { Artifacts } from "./artifacts.ts";
import { brief, forkNote, textBlocks, worktreeNote } from "./brief.ts";
import type { ChildMessages } from "./child-messages.ts";
import { ChildClient, type Child, type ChildTerms } from "./child.ts";
import type { EarlyEnd } from "./early-end.ts";
import { childFailed } from "./errors.ts";
import type { Candidate, DelegateInput } from "./input.ts";
import type { OpenQuestions } from "./open-questions.ts";
import type { ChildPlace, DelegationPorts, PatchArtifact, Worktree } from "./ports.ts";
import type { Reply } from "./reply.ts";
import type { RestingChildren } from "./resting-children.ts";
import { ended, endingOf, type Ending } from "./result.ts";
import { usedItsTurns, watchActivity, wentSilent } from "./watch.ts";

/** How long a cancelled child may take to end its turn by itself before its process is ended, in milliseconds. */
export const cancelGraceMs = 5000;

/** Words of ACP are shorter; an agent may have others. */
const maxStopReasonCharacters = 100;

export interface ChildRunInit {
  delegationId: string;
  /** Of the session it opens. */
  childId: string;
  caller: Session;
  candidate: Candidate;
  /** The stored session to go on with. */
  continues: SessionRecord | undefined;
  input: DelegateInput;
  title: string;
  /** What of the caller's conversation goes with the task. */
  conversation: string | undefined;
  ports: DelegationPorts;
  reply: Reply;
  artifacts: Artifacts;
  earlyEnd: EarlyEnd;
  resting: RestingChildren;
  messages: ChildMessages;
  /** Of the child, and of those further down. */
  questions: OpenQuestions;
  /** The child's session is open; it is prompted next. */
  onOpened: (child: Session) => void;
  /** Something the caller should know of how it is done. */
  onNote: (note: string) => void;
  /** What the child is doing has changed. */
  onActivity: () => void;
}

export class ChildRun {
  readonly #init: ChildRunInit;
  #child: Child | undefined;
  #isReady = false;
  #worktree: Worktree | undefined;

  constructor(init: ChildRunInit) {
    this.#init = init;
  }

  /** Works to the end. Never rejects: a failure is an ending too. */
  async work(): Promise<Ending> {
    try {
      const child = await this.#open();
      const ending = await this.#converse(child);
      // A turn that it ended itself leaves it ready for another.
      this.#isReady = ending.stopReason !== null && !this.#init.earlyEnd.asked;
      return ending;
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** The child's session rests, if it may, or ends, and its process with it. */
  async leave(mayRest: boolean): Promise<void> {
    if (this.#child) await this.#init.resting.leave(this.#child, mayRest && this.#isReady);
  }

  /** What was changed in a worktree, once nobody is at work in it any more. */
  async takeHome(): Promise<PatchArtifact | undefined> {
    if (!this.#worktree) return undefined;
    await this.leave(false);
    return this.#worktree.finish();
  }

  async #open(): Promise<Child> {
    const { delegationId, caller, candidate, continues, input, title, ports, resting, onOpened, earlyEnd } = this.#init;
    const { signal } = earlyEnd;
    signal.throwIfAborted();
    const place = await ports.placeOfChild(caller, { cwd: input.cwd, grant: candidate.grant });
    if (input.isolation === "worktree") {
      this.#worktree = await ports.worktrees.create({ id: delegationId, ...place, signal });
    }
    const terms = this.#terms(this.#worktree ? undefined : place);
    try {
      const rested = continues && (await resting.take(continues.id, terms));
      this.#child = rested ?? (await this.#start(this.#worktree ?? place, terms));
    } catch (error) {
      // An attempt that failed does not cost the earlier conversation.
      if (continues) ports.store.saveSession(continues);
      throw error;
    }
    signal.throwIfAborted();
    this.#child.session.title = title;
    this.#child.client.hears(this.#client());
    onOpened(this.#child.session);
    return this.#child;
  }

  #terms(place: ChildPlace | undefined): ChildTerms {
    const { caller, candidate } = this.#init;
    const { profile, narrowing, model = profile.model, mode = profile.mode } = candidate;
    return { caller, profile, place, tools: givenBy(caller, narrowing).tools, model, mode };
  }

  async #start({ cwd, kiln }: ChildPlace, terms: ChildTerms): Promise<Child> {
    const { childId, caller, candidate, continues, input, title, ports, onNote, earlyEnd } = this.#init;
    const client = new ChildClient();
    client.hears(this.#client());
    const opened = await ports.openChild({
      id: childId,
      caller,
      ...candidate,
      narrowing: { tools: terms.tools },
      continues,
      asFork:
        isForkWanted(input) && terms.place?.cwd === caller.cwd && isSameProgram(candidate.profile, caller.profile),
      title,
      kiln,
      cwd,
      client,
      onNote,
      signal: earlyEnd.signal,
    });
    return { ...opened, client, terms };
  }

  async #converse({ session: child, isFork }: Child): Promise<Ending> {
    const { caller, candidate, continues, input, conversation, messages } = this.#init;
    let prompt = brief({
      task: input.task,
      context: input.context,
      conversation: isFork && !continues ? forkNote(caller.profile.name) : conversation,
      note: this.#worktree && worktreeNote(this.#worktree),
      // Whoever goes on has read the closing words before.
      template: continues ? "" : candidate.profile.brief,
      from: caller.profile.name,
      cwd: child.cwd,
    });
    for (;;) {
      const ending = await this.#turn(child, prompt);
      const message = ending.status === "completed" ? messages.take() : undefined;
      if (message === undefined) return ending;
      prompt = textBlocks([message]);
    }
  }

  /** One prompt of the child, until it answers or is to end early. */
  async #turn(child: Session, prompt: unknown): Promise<Ending> {
    const { reply, earlyEnd, candidate } = this.#init;
    reply.turnStarted();
    const answer = child.ask("session/prompt", { prompt }, new AbortController().signal);
    const stopWatching = this.#watch(child);
    try {
      const response = await within(answer, Number.POSITIVE_INFINITY, earlyEnd.signal);
      return endingOf(this.#stopReasonOf(response), candidate.profile.name);
    } catch (error) {
      if (!earlyEnd.asked) throw error;
    } finally {
      stopWatching();
    }
    child.tell("session/cancel", {});
    const late = await within(answer, cancelGraceMs).catch(() => undefined);
    return this.#endedEarly(isRecord(late) ? this.#stopReasonOf(late) : null);
  }

  /** Ends the child when nothing has been heard of it for too long. */
  #watch(child: Session): () => void {
    const { caller, candidate, earlyEnd, questions } = this.#init;
    const { stallSeconds } = caller.profile.delegation;
    return watchActivity({
      stallMs: stallSeconds * 1000,
      lastHeardAt: () => Math.max(questions.waitedAt, lastHeardOf(child)),
      onStall: () => earlyEnd.ask({ status: "timed_out", error: wentSilent(candidate.profile.name, stallSeconds) }),
    });
  }

  #client(): Peer {
    const { reply, artifacts, input, candidate, earlyEnd, onActivity } = this.#init;
    const { maxTurns } = input;
    return {
      request: (method) => Promise.reject(RpcError.methodNotFound(method)),
      notify: (method, params) => {
        if (method !== "session/update") return;
        artifacts.update(params);
        if (reply.update(params)) onActivity();
        if (maxTurns === undefined || reply.toolCalls <= maxTurns) return;
        earlyEnd.ask({ status: "failed", error: usedItsTurns(candidate.profile.name, maxTurns) });
      },
    };
  }

  #stopReasonOf(response: unknown): string | null {
    if (!isRecord(response)) return null;
    this.#init.reply.finished(response);
    const { stopReason } = response;
    return typeof stopReason === "string" ? oneLine(stopReason, maxStopReasonCharacters) : null;
  }

  #failed(error: unknown): Ending {
    const { earlyEnd, caller, candidate, childId, delegationId, ports } = this.#init;
    if (earlyEnd.asked || caller.state === "ended") return this.#endedEarly(null);
    if (error instanceof CrucibleError) {
      return ended(error.exitCode === exitCodes.refused ? "refused" : "failed", null, error);
    }
    if (!(error instanceof RpcError)) {
      ports.bus.emit("bug", { where: `delegation ${delegationId}`, error, sessionId: childId });
    }
    const failure = childFailed.create(`${candidate.profile.name} answered with an error: ${messageOf(error)}`, {
      hint: "the task itself may be fine: try again, or ask another agent",
      cause: error,
    });
    return ended("failed", null, failure);
  }

  #endedEarly(stopReason: string | null): Ending {
    const { status, error } = this.#init.earlyEnd.reason;
    return ended(status, stopReason, error);
  }
}

/** Nobody passes on what it was not given, and the editor's MCP servers are given only by name. */
function givenBy(caller: Session, { tools }: Narrowing): Narrowing {
  const hasServers = caller.origin !== "delegation" || caller.narrowing.tools?.includes("mcp") === true;
  return { tools: tools?.filter((tool) => caller.grant.tools.has(tool) && (tool !== "mcp" || hasServers)) };
}

function isForkWanted({ conversation }: DelegateInput): boolean {
  return conversation?.depth === "all" && conversation.scope === "full";
}

/** Whether two profiles run the same agent on the same memory, so that one knows what the other was told. */
function isSameProgram(one: AgentProfile, other: AgentProfile): boolean {
  return isDeepStrictEqual([one.command, one.args, one.env], [other.command, other.args, other.env]);
}

/** When anything was last heard of a child or of one further down, by the clock of base/clock.ts. */
function lastHeardOf(session: Session): number {
  // One that is being started has a deadline of its own.
  if (session.state === "opening") return monotonicMs();
  return Math.max(session.lastHeardAt, ...[...session.children].map(lastHeardOf));
}
