/**
 * Who has a conversation: a stack of frames above the agent it was begun with. A frame that returns is taken off when the user's
 * prompt is answered; one that stays is left there alone, with nothing below it to return to but the first agent. Whoever gets
 * the conversation back is left a note of what was said meanwhile.
 */
import type { HandoffRecord } from "../sessions/records.ts";
import type { Speaker } from "./speaker.ts";

export interface Frame {
  speaker: Speaker;
  returnAfter: boolean;
  /** Handoffs from the first agent to this one. */
  depth: number;
  record: HandoffRecord;
}

export class Floor {
  readonly first: Speaker;
  readonly #onLeft: (frame: Frame, isNeeded: boolean) => void;
  #frames: Frame[] = [];

  /** `onLeft` hears of each frame that is taken off, and whether its speaker stands in another one still. */
  constructor(first: Speaker, onLeft: (frame: Frame, isNeeded: boolean) => void) {
    this.first = first;
    this.#onLeft = onLeft;
  }

  get holder(): Speaker {
    return this.#frames.at(-1)?.speaker ?? this.first;
  }

  /** Handoffs from the first agent to the one that has it. */
  get depth(): number {
    return this.#frames.at(-1)?.depth ?? 0;
  }

  get isHandedOver(): boolean {
    return this.#frames.length > 0;
  }

  /** Who has it for longer than one prompt; undefined = the first. */
  get owner(): Speaker | undefined {
    return this.#frames.findLast(({ returnAfter }) => !returnAfter)?.speaker;
  }

  /** Those besides the holder who would go on where they were, the latest first. */
  get former(): Speaker[] {
    const all = [this.first, ...this.#frames.map(({ speaker }) => speaker)].toReversed();
    return [...new Set(all)].filter((speaker) => speaker !== this.holder && !speaker.hasLeft);
  }

  has(speaker: Speaker): boolean {
    return this.#frames.some((frame) => frame.speaker === speaker);
  }

  /** Those who had it after this one. */
  above(speaker: Speaker): Speaker[] {
    return [...new Set(this.#frames.slice(this.#topOf(speaker) + 1).map((frame) => frame.speaker))];
  }

  give(speaker: Speaker, { returnAfter, record }: Pick<Frame, "returnAfter" | "record">): void {
    const known = this.#frames.findLast((frame) => frame.speaker === speaker);
    const depth = speaker === this.first ? 0 : (known?.depth ?? this.depth + 1);
    this.#frames.push({ speaker, returnAfter, depth, record });
  }

  /** Whoever had it after this one is done. */
  giveBack(speaker: Speaker): void {
    for (const frame of this.#frames.splice(this.#topOf(speaker) + 1)) this.#left(frame);
  }

  /** Takes it from the holder, who has said nothing. */
  takeAway(): void {
    const frame = this.#frames.pop();
    if (frame) this.#left(frame);
  }

  /** The first has it again. */
  takeBack(): void {
    for (const frame of this.#frames.splice(0).toReversed()) this.#leftTo(this.first, frame);
  }

  /** One that waits for its return is not returned to. */
  forget(speaker: Speaker): void {
    const waiting = this.#frames.filter((frame) => frame.speaker === speaker);
    this.#frames = this.#frames.filter((frame) => frame.speaker !== speaker);
    for (const frame of waiting) this.#left(frame);
  }

  /** The user's prompt is answered: who had it for that prompt gives it back, as far down as somebody stays. */
  settle(): void {
    for (let top = this.#frames.at(-1); top?.returnAfter && !top.speaker.hasLeft; top = this.#frames.at(-1)) {
      this.#frames.pop();
      this.#leftTo(this.holder, top);
    }
    const below = this.#frames.splice(0, this.#frames.length - 1);
    for (const frame of below) this.#leftTo(this.first, frame);
  }

  #topOf(speaker: Speaker): number {
    return this.#frames.findLastIndex((frame) => frame.speaker === speaker);
  }

  #leftTo(heir: Speaker, frame: Frame): void {
    if (frame.speaker !== this.first) for (const note of frame.speaker.takeSummary()) heir.note(note);
    else if (heir !== this.first) for (const note of this.first.takeSummary()) heir.note(note);
    this.#left(frame);
  }

  #left(frame: Frame): void {
    this.#onLeft(frame, this.has(frame.speaker));
  }
}
