/**
 * A conversation of an editor that agents hand to each other. It stands as a tap in the pipe of the session the editor opened:
 * prompts and cancels go to whoever has the conversation, and what that one says and asks comes back through the same pipe.
 * Whether a handoff is allowed is not decided here.
 *
 * States of a prompt: somebody speaks → (the next one starts → it speaks)* → settled. A handoff that was accepted takes place
 * when the one that speaks is done, unless the user cancels before.
 */
import type { Interceptor, Notification, Request } from "../acp/interceptor.ts";
import { messageOf } from "../base/errors.ts";
import type { HandoffRecord } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import { Arrivals } from "./arrivals.ts";
import { askSpeaker } from "./ask-speaker.ts";
import { CommandsOffered } from "./commands-offered.ts";
import { conversationSoFar } from "./context.ts";
import { Floor } from "./floor.ts";
import { HandoffLog } from "./handoff-log.ts";
import { isReturn, promptOf, returnPrompt, takeoverPrompt } from "./handoff-prompt.ts";
import {
  answered,
  cancelled,
  due,
  isOfAgent,
  newTurn,
  type Handoff,
  type Newcomer,
  type Turn,
} from "./handoff-turn.ts";
import { couldNotTakeOver, hasItAgain, isGone, openedWithout, takesOver } from "./handoff-words.ts";
import type { HandoffPorts } from "./ports.ts";
import { Speaker } from "./speaker.ts";

export class Conversation {
  readonly #root: Session;
  readonly #log: HandoffLog;
  readonly #arrivals: Arrivals;
  readonly #floor: Floor;
  readonly #commands: CommandsOffered;
  #turn: Turn | undefined;

  constructor(root: Session, ports: HandoffPorts) {
    this.#root = root;
    this.#log = new HandoffLog(root, ports);
    this.#floor = new Floor(new Speaker(root.profile.name, root), ({ speaker, record }, isNeeded) => {
      this.#log.end(record);
      if (!isNeeded) void speaker.successor?.session.end("it no longer has the conversation");
    });
    this.#commands = new CommandsOffered(this.#floor.first, (update) => root.tellClient("session/update", { update }));
    this.#arrivals = new Arrivals({ root, ports, commands: this.#commands });
    root.scope.add("handoff", async () => {
      this.#turn?.stop.abort();
      await this.#arrivals.settled;
    });
  }

  /** Handoffs from the first agent to the one that has it. */
  get depth(): number {
    return this.#floor.depth;
  }

  /** Those besides the holder who would go on where they were, the latest first. */
  get formerSpeakers(): Speaker[] {
    return this.#floor.former;
  }

  get handoffsMade(): number {
    return this.#log.made;
  }

  get hasAccepted(): boolean {
    return this.#turn?.accepted !== undefined;
  }

  get #hasEnded(): boolean {
    return this.#root.state === "ended";
  }

  /** Whether this session's agent answers the user now, and nothing has put an end to that. */
  isSpeaking(session: Session): boolean {
    const turn = this.#turn;
    return turn !== undefined && !turn.isStarting && !turn.signal.aborted && this.#floor.holder.session === session;
  }

  /** Takes place when the turn of the speaker ends. */
  accept(handoff: Handoff): void {
    if (this.#turn) this.#turn.accepted = handoff;
  }

  tap(): Interceptor {
    return {
      name: "handoff",
      clientRequest: (request, next) =>
        request.method === "session/prompt" ? this.#prompted(request, next) : next(request),
      clientNotification: (notification, next) => {
        if (notification.method === "session/cancel") this.#cancel(notification, next);
        else next(notification);
      },
      agentNotification: (notification, next) => {
        if (this.#passes(notification)) next(notification);
      },
    };
  }

  /** It was loaded or resumed: the first agent has it, whoever had it before. */
  reopened(): void {
    const { open } = this.#log;
    const last = open.at(-1);
    if (!last) return;
    this.#floor.takeBack();
    for (const record of open) this.#log.end(record);
    const words = openedWithout(last.agent, this.#floor.first.name);
    this.#floor.first.note(`[${words}]`);
    this.#announce(words);
    this.#commands.offer(undefined);
  }

  async #prompted(request: Request, next: Turn["next"]): Promise<unknown> {
    if (this.#floor.isHandedOver && isReturn(request.params)) return this.#takeBack();
    const turn = newTurn(request, next);
    this.#turn = turn;
    try {
      let answer = await this.#answerOf(this.#floor.holder, promptOf(request.params), turn);
      for (let handoff = due(turn, answer); handoff; handoff = due(turn, answer)) {
        answer = (await this.#handOver(handoff, turn)) ?? answer;
      }
      return answer;
    } finally {
      this.#turn = undefined;
      this.#settle();
    }
  }

  /** The answer of one that has had the conversation before; should its agent go, the first has it again. */
  async #answerOf(speaker: Speaker, prompt: readonly unknown[], turn: Turn): Promise<unknown> {
    try {
      return await askSpeaker(speaker, prompt, turn);
    } catch (error) {
      if (!speaker.successor || !speaker.hasLeft || this.#hasEnded) throw error;
      this.#lost(speaker, messageOf(error));
      return turn.signal.aborted ? cancelled : answered;
    }
  }

  /** Undefined when the answer before stands, because nobody took over. */
  async #handOver(handoff: Handoff, turn: Turn): Promise<unknown> {
    const { target } = handoff;
    if (target instanceof Speaker) return this.#goBackTo(target, handoff, turn);
    const from = this.#floor.holder;
    const speaker = await this.#start(target, handoff, turn);
    if (!speaker) return turn.signal.aborted ? cancelled : undefined;

    const prompt = takeoverPrompt({
      handing: { from: from.name, message: handoff.message, returnAfter: handoff.returnAfter },
      hasNote: speaker.successor?.hasNote === true,
      conversation: handoff.isFresh ? undefined : conversationSoFar(this.#root.transcript),
      users: promptOf(turn.request.params),
    });
    this.#floor.give(speaker, { returnAfter: handoff.returnAfter, record: this.#record(speaker) });
    this.#tookOver(takesOver(speaker.name, handoff.message, handoff.returnAfter ? undefined : this.#floor.first.name));
    try {
      return await askSpeaker(speaker, prompt, turn);
    } catch (error) {
      if (turn.request.signal.aborted || this.#hasEnded || !isOfAgent(error)) throw error;
      if (speaker.hasLeft) this.#lost(speaker, messageOf(error));
      else this.#failed(speaker, { error, from });
      return turn.signal.aborted ? cancelled : undefined;
    }
  }

  /** To one that had the conversation before: it knows all but what was said since. */
  async #goBackTo(speaker: Speaker, { message, returnAfter }: Handoff, turn: Turn): Promise<unknown> {
    if (speaker.hasLeft) {
      this.#announce(couldNotTakeOver(speaker.name, "it has ended"));
      return undefined;
    }
    const handing = { from: this.#floor.holder.name, message, returnAfter };
    const users = turn.heardBy.has(speaker) ? undefined : promptOf(turn.request.params);
    for (const one of this.#floor.above(speaker)) for (const said of one.takeSummary()) speaker.note(said);
    speaker.turnsAreKnown();

    const record = this.#record(speaker);
    if (returnAfter) {
      this.#floor.give(speaker, { returnAfter, record });
    } else {
      this.#log.end(record);
      this.#floor.giveBack(speaker);
    }
    this.#tookOver(takesOver(speaker.name, message, undefined));
    return this.#answerOf(speaker, returnPrompt(handing, users), turn);
  }

  /** Undefined when it cannot be started, and everybody has been told. */
  async #start(target: Newcomer, handoff: Handoff, turn: Turn): Promise<Speaker | undefined> {
    const from = this.#floor.holder;
    try {
      const speaker = await this.#arrivals.start(target, { from, handoff, turn });
      void speaker?.successor?.gone.then(() => this.#heardGone(speaker));
      return speaker;
    } catch (error) {
      if (turn.signal.aborted) return undefined;
      if (!isOfAgent(error)) throw error;
      const words = couldNotTakeOver(target.profile.name, messageOf(error));
      this.#announce(words);
      from.note(`[${words}]`);
      return undefined;
    }
  }

  #record({ name }: Speaker): HandoffRecord {
    return this.#log.begin({ from: this.#floor.holder.name, agent: name });
  }

  /** The user's prompt is answered: who had the conversation for one turn gives it back. */
  #settle(): void {
    if (this.#hasEnded) return;
    const before = this.#floor.holder;
    this.#floor.settle();
    const { holder } = this.#floor;
    if (holder.hasLeft) this.#lost(holder, undefined);
    else if (holder !== before) this.#handedBack(before);
  }

  #takeBack(): unknown {
    const from = this.#floor.holder;
    this.#floor.takeBack();
    this.#handedBack(from);
    return answered;
  }

  #handedBack(from: Speaker): void {
    const agent = this.#floor.holder.name;
    this.#log.tell(from.name, agent);
    this.#tookOver(hasItAgain(agent));
  }

  /** Its agent has gone by itself; what it was in the middle of is lost. */
  #lost(speaker: Speaker, why: string | undefined): void {
    if (!this.#floor.has(speaker)) return;
    if (this.#floor.holder !== speaker) return this.#floor.forget(speaker);
    this.#floor.takeBack();
    const words = isGone(speaker.name, why);
    this.#floor.first.note(`[${words}]`);
    this.#announce(words);
    this.#handedBack(speaker);
  }

  /** It answered its first prompt with an error, so it has not taken over at all. */
  #failed(speaker: Speaker, { error, from }: { error: unknown; from: Speaker }): void {
    this.#floor.takeAway();
    const words = couldNotTakeOver(speaker.name, `it answered with an error: ${messageOf(error)}`);
    from.note(`[${words}]`);
    this.#announce(words);
    this.#handedBack(speaker);
  }

  #heardGone(speaker: Speaker): void {
    if (speaker.hasLeft || this.#hasEnded) return;
    speaker.isGone = true;
    // Whoever waits for its answer is told why by the answer.
    if (!this.#turn || this.#floor.holder !== speaker) this.#lost(speaker, undefined);
    void speaker.session.end("its agent has gone");
  }

  #cancel(notification: Notification, next: (notification: Notification) => void): void {
    if (this.#turn) {
      this.#turn.accepted = undefined;
      this.#turn.stop.abort();
    }
    // Nobody is at work while the next one starts; some agents would take it for their next turn.
    if (this.#turn?.isStarting) return;
    const { holder } = this.#floor;
    if (holder.successor) holder.session.tell(notification.method, notification.params);
    else next(notification);
  }

  /** Whether what comes from the first agent's side goes to the editor. */
  #passes({ method, params }: Notification): boolean {
    if (method !== "session/update") return true;
    const { first, holder, isHandedOver } = this.#floor;
    if (isHandedOver && holder === first) first.hear(params);
    return this.#commands.passes(params);
  }

  /** Tells the user who speaks, and what commands there are now. */
  #tookOver(words: string): void {
    this.#announce(words);
    this.#commands.offer(this.#floor.owner);
  }

  #announce(words: string): void {
    const content = { type: "text", text: `\n\n— ${words} —\n\n` };
    const update = { sessionUpdate: "agent_message_chunk", content };
    this.#root.notification("session/update", { sessionId: this.#root.id, update });
  }
}
