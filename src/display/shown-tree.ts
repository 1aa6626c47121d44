/**
 * All that one editor is shown of the delegations below one of its sessions: decides for each whether it is a child session or
 * a card, and keeps the promises that concern the turn of the root.
 *
 * A child session may only be shown while its root's turn lasts (draft "Subagent Sessions", scope in version 1). One that
 * outlives the turn is let go with the state "unknown" and goes on as a card; one that begins when no turn is under way, or below
 * a card, is a card from the beginning.
 */
import type { Notification } from "../acp/interceptor.ts";
import { wantsSubagents } from "../acp/subagents.ts";
import type { DelegationProgress } from "../base/delegation.ts";
import { within } from "../base/deadline.ts";
import type { DelegationRecord } from "../sessions/records.ts";
import type { Session } from "../sessions/session.ts";
import { endedWithParent, outcomeOf } from "./outcome.ts";
import { ShownDelegation } from "./shown-delegation.ts";

/** How long the answer of a turn waits for children that are being ended, in milliseconds. */
export const endPatienceMs = 3000;

/** What a child may say before its delegation counts as begun and be shown later; the oldest goes first. */
export const maxHeldNotifications = 100;

export interface TreeParts {
  root: Session;
  /** A delegation as it is stored. */
  record: (delegationId: string) => DelegationRecord | undefined;
  /** Stores what a root's editor is shown, for whoever opens the conversation later. */
  keep: (root: Session, update: Record<string, unknown>) => void;
  /** Has a child's agent wait before it says more, or go on. */
  holdBack: (child: Session, isHeld: boolean) => void;
}

export class ShownTree {
  readonly #parts: TreeParts;
  readonly #delegations = new Map<string, ShownDelegation>();
  readonly #bySession = new Map<string, ShownDelegation>();
  /** Child sessions of this tree that have not ended. */
  readonly #sessions = new Map<string, Session>();
  readonly #early = new Map<string, Notification[]>();
  readonly #heldBack = new Set<Session>();
  #turns = 0;
  #isCongested = false;

  constructor(parts: TreeParts) {
    this.#parts = parts;
  }

  /** A child session is being made; what it says comes by way of `hear`. */
  add(session: Session): void {
    this.#sessions.set(session.id, session);
    session.scope.add("display", () => {
      this.#sessions.delete(session.id);
      this.#early.delete(session.id);
      this.#letGo(session);
    });
  }

  told(progress: DelegationProgress): void {
    switch (progress.kind) {
      case "queued":
      case "starting":
        return this.#prepares(progress);
      case "started":
        return this.#begins(progress);
      case "ended":
        return this.#ends(progress);
      case "activity":
    }
  }

  hear(session: Session, notification: Notification): void {
    const shown = this.#bySession.get(session.id);
    if (shown) return shown.hear(notification);
    const early = this.#early.get(session.id) ?? [];
    early.push(notification);
    if (early.length > maxHeldNotifications) early.shift();
    this.#early.set(session.id, early);
  }

  asks({ sessionId, questionId, title }: { sessionId: string; questionId: string; title: string }): void {
    this.#bySession.get(sessionId)?.asks(questionId, title);
  }

  isAnswered({ sessionId, questionId }: { sessionId: string; questionId: string }): void {
    this.#bySession.get(sessionId)?.isAnswered(questionId);
  }

  /** The child of this id, if the editor may cancel it: it is shown as a session, and at work. */
  cancellable(sessionId: string): Session | undefined {
    const shown = this.#bySession.get(sessionId);
    if (!shown?.openChild) return undefined;
    shown.willEnd();
    return shown.session;
  }

  turnBegins(): void {
    this.#turns++;
  }

  /**
   * The root's turn is over but for its answer, which waits for this. `isCut` when the turn was cancelled or failed, so that its
   * children are being ended too.
   */
  async turnEnds(isCut: boolean): Promise<void> {
    this.#turns--;
    const outlasting = this.#lowestFirst();
    const ending = outlasting.filter((shown) => isCut || shown.isEnding).flatMap(({ openChild }) => openChild ?? []);
    if (ending.length > 0) await within(Promise.all(ending.map(({ closed }) => closed)), endPatienceMs);
    for (const shown of outlasting) {
      if (this.#delegations.has(shown.id)) this.#becomeCard(shown);
    }
  }

  /** The editor reads slower than is written to it: children that are shown in full wait too. */
  congested(isCongested: boolean): void {
    this.#isCongested = isCongested;
    if (!isCongested) for (const session of this.#heldBack) this.#letGo(session);
    else for (const { openChild } of this.#delegations.values()) if (openChild) this.#holdBack(openChild.session);
  }

  /** To an editor that was not there before. */
  showAgain(): void {
    for (const shown of this.#delegations.values()) shown.showAgain();
  }

  /** The root has ended, and all below it. */
  end(): void {
    for (const shown of this.#delegations.values()) if (!shown.parent) shown.endsAtOnce(endedWithParent);
    for (const shown of this.#delegations.values()) shown.endsAtOnce(endedWithParent);
  }

  #prepares(progress: DelegationProgress): void {
    const shown = this.#shownOf(progress);
    if (shown.session) this.#bySession.delete(shown.session.id);
    shown.prepares(progress);
    if (!this.#mayShowChild(shown)) shown.showCard();
  }

  #begins(progress: DelegationProgress): void {
    const shown = this.#shownOf(progress);
    const id = this.#parts.record(progress.delegationId)?.childSessionId ?? "";
    const session = this.#sessions.get(id);
    if (!session) return;
    shown.begins(session);
    this.#bySession.set(session.id, shown);
    if (this.#mayShowChild(shown)) {
      shown.showChild();
      if (this.#isCongested) this.#holdBack(session);
    } else {
      shown.showCard();
    }
    const early = this.#early.get(id) ?? [];
    this.#early.delete(id);
    for (const notification of early) shown.hear(notification);
  }

  // One that was cancelled before it came to anything was never told of.
  #ends(progress: DelegationProgress): void {
    const shown = this.#delegations.get(progress.delegationId);
    shown?.ends(outcomeOf(progress, this.#parts.record(progress.delegationId)));
  }

  #mayShowChild(shown: ShownDelegation): boolean {
    const isBelowCard = shown.parent !== undefined && !shown.parent.openChild;
    return wantsSubagents(this.#parts.root.client.capabilities) && this.#turns > 0 && !isBelowCard && !shown.isShown;
  }

  #becomeCard(shown: ShownDelegation): void {
    if (shown.session) this.#letGo(shown.session);
    shown.becomeCard();
  }

  #shownOf(told: DelegationProgress): ShownDelegation {
    const known = this.#delegations.get(told.delegationId);
    if (known) return known;
    const parent = told.parentId === null ? undefined : this.#delegations.get(told.parentId);
    const shown: ShownDelegation = new ShownDelegation({
      told,
      root: this.#parts.root,
      keep: this.#parts.keep,
      parent,
      onOver: () => this.#forget(shown),
    });
    this.#delegations.set(shown.id, shown);
    return shown;
  }

  #forget(shown: ShownDelegation): void {
    this.#delegations.delete(shown.id);
    if (!shown.session) return;
    this.#bySession.delete(shown.session.id);
    this.#letGo(shown.session);
  }

  // A delegation stands in the map before all that descend from it.
  #lowestFirst(): ShownDelegation[] {
    return [...this.#delegations.values()].toReversed();
  }

  #holdBack(session: Session): void {
    if (this.#heldBack.has(session)) return;
    this.#heldBack.add(session);
    this.#parts.holdBack(session, true);
  }

  #letGo(session: Session): void {
    if (this.#heldBack.delete(session)) this.#parts.holdBack(session, false);
  }
}
