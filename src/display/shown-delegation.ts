/**
 * One delegation before the eyes of its root's editor: as a child session, as a card, or as one and then the other. It knows
 * what may be told when; which of the two it is to be is told to it.
 *
 * States: accepted → shown (child session or card) → ending → over. It is ending while its outcome is known but a question of
 * its child is still before the user, or a child of its child is still shown: these come first.
 */
import type { Notification } from "../acp/interceptor.ts";
import type { DelegationProgress } from "../base/delegation.ts";
import type { Session } from "../sessions/session.ts";
import { Card } from "./card.ts";
import { ChildActivity } from "./child-activity.ts";
import { outOfSight, type Outcome } from "./outcome.ts";
import { SubagentSession } from "./subagent-session.ts";

export interface ShownInit {
  told: DelegationProgress;
  root: Session;
  keep: (root: Session, update: Record<string, unknown>) => void;
  /** The delegation that asked for this one, if it is shown too. */
  parent: ShownDelegation | undefined;
  /** All has been told. */
  onOver: () => void;
}

export class ShownDelegation {
  readonly id: string;
  readonly parent: ShownDelegation | undefined;
  readonly #root: Session;
  readonly #title: string;
  readonly #keep: ShownInit["keep"];
  readonly #onOver: () => void;
  readonly #below = new Set<ShownDelegation>();
  #agent: string;
  #stage: DelegationProgress["kind"];
  #note: string;
  #activity = new ChildActivity();
  #session: Session | undefined;
  #child: SubagentSession | undefined;
  #card: Card | undefined;
  /** Before the user or in line, the first one first. */
  readonly #questions = new Map<string, string>();
  #willEnd = false;
  #outcome: Outcome | undefined;
  #over = false;

  constructor({ told, root, keep, parent, onOver }: ShownInit) {
    this.id = told.delegationId;
    this.parent = parent;
    this.#root = root;
    this.#title = told.title;
    this.#agent = told.agent;
    this.#stage = told.kind;
    this.#note = told.line;
    this.#keep = keep;
    this.#onOver = onOver;
    if (parent) parent.#below.add(this);
  }

  /** The agents from the first child to this one. */
  get path(): string {
    return this.parent ? `${this.parent.path} › ${this.#agent}` : this.#agent;
  }

  /** The child's session, once it has begun. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** The child as the editor shows it, while it does so. */
  get openChild(): SubagentSession | undefined {
    return this.#child?.isOpen ? this.#child : undefined;
  }

  get isShown(): boolean {
    return this.openChild !== undefined || this.#card !== undefined;
  }

  /** Its outcome is known, or about to be because somebody asked for its end. */
  get isEnding(): boolean {
    return this.#willEnd || this.#outcome !== undefined;
  }

  willEnd(): void {
    this.#willEnd = true;
  }

  /** It waits for a place, or starts: the first agent, or another one after that could not begin. */
  prepares({ agent, kind, line }: DelegationProgress): void {
    // Whatever the one before did is not known to be undone.
    this.openChild?.close(outOfSight);
    if (agent !== this.#agent) this.#activity = new ChildActivity();
    this.#agent = agent;
    this.#stage = kind;
    this.#note = line;
    this.#session = undefined;
    this.#card?.stage(this.#face());
  }

  /** The child's session is there. */
  begins(session: Session): void {
    this.#session = session;
    this.#stage = "started";
    this.#note = "at work";
    this.#card?.stage(this.#face());
  }

  showChild(): void {
    const session = this.#session;
    const parent = session?.parent;
    if (!session || !parent || this.isShown) return;
    this.#child = new SubagentSession({ session, parent, title: this.#heading(), meta: this.#meta() });
  }

  showCard(): void {
    if (this.#card) return;
    const { title, status, note } = this.#face();
    this.#card = new Card(
      {
        toolCallId: `crucible:${this.id}`,
        title,
        activity: this.#activity,
        meta: this.#meta(),
        send: (update) => this.#root.tellClient("session/update", { update }),
        keep: (update) => this.#keep(this.#root, update),
      },
      { status, note },
    );
  }

  /** From now on a card, because a child session may not be shown beyond its parent's turn. */
  becomeCard(): void {
    this.openChild?.close(outOfSight);
    this.showCard();
    this.#close();
  }

  /** The editor has forgotten, or is another one. */
  showAgain(): void {
    this.#card?.showAgain();
  }

  hear(notification: Notification): void {
    if (this.#outcome) return;
    this.openChild?.relay(notification);
    if (notification.method === "session/update" && this.#activity.update(notification.params)) this.#card?.touch();
  }

  asks(id: string, question: string): void {
    this.#questions.set(id, question);
    this.#questionsChanged();
  }

  isAnswered(id: string): void {
    if (this.#questions.delete(id)) this.#questionsChanged();
  }

  #questionsChanged(): void {
    const [question] = this.#questions.values();
    this.#activity.asks(question);
    this.#card?.touch();
    if (this.#outcome) this.#close();
    else this.openChild?.waitsForUser(question !== undefined);
  }

  /** It came to this. */
  ends(outcome: Outcome): void {
    if (this.#outcome) return;
    // One that could not even start was never a child session; the user hears of it all the same.
    if (!this.isShown && outcome.kind === "failed") this.showCard();
    this.#outcome = outcome;
    this.#activity.asks(undefined);
    this.#close();
  }

  /** The conversation is over: tells what is left to tell, lowest first. */
  endsAtOnce(outcome: Outcome): void {
    for (const one of this.#below) one.endsAtOnce(outcome);
    this.#questions.clear();
    this.ends(outcome);
    this.#close();
  }

  #close(): void {
    const outcome = this.#outcome;
    if (this.#over || !outcome || this.#questions.size > 0 || [...this.#below].some((one) => one.openChild)) return;
    this.#over = true;
    this.openChild?.close(outcome.state);
    this.#card?.end(this.#withToolCalls(outcome));
    this.#onOver();
    if (this.parent) this.parent.#closedBelow(this);
  }

  #closedBelow(one: ShownDelegation): void {
    this.#below.delete(one);
    this.#close();
  }

  #withToolCalls(outcome: Outcome): Outcome {
    const { toolCallCount } = this.#activity;
    const suffix = toolCallCount === 0 ? "" : `, ${toolCallCount} tool call${toolCallCount === 1 ? "" : "s"}`;
    return { ...outcome, line: outcome.line + suffix };
  }

  #face(): { title: string; status: "pending" | "in_progress"; note: string } {
    return {
      title: this.#heading(),
      status: this.#stage === "queued" ? "pending" : "in_progress",
      note: this.#note,
    };
  }

  #heading(): string {
    return `${this.path}: ${this.#title}`;
  }

  #meta(): Record<string, unknown> {
    return { crucible: { delegationId: this.id, agent: this.#agent } };
  }
}
