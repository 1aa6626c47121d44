/**
 * The agents that may do a task, one after the other: the first one runs, and the next stands in for it where it could not even begin.
 * It knows how each came out; it keeps no record and tells nobody.
 */
import type { TriedAgent } from "../base/delegation.ts";
import { ChildRun, type ChildRunInit } from "./child-run.ts";
import type { Candidate } from "./input.ts";
import type { PatchArtifact } from "./ports.ts";
import { couldNotBegin, type Ending } from "./result.ts";

export interface AttemptsInit extends Omit<ChildRunInit, "candidate" | "onNote"> {
  candidates: readonly [Candidate, ...Candidate[]];
  /** Another one begins. */
  onBegun: () => void;
  /** The last one is done; its child has yet to leave. */
  onDone: (ending: Ending, patch: PatchArtifact | undefined) => void;
}

export class Attempts {
  /** Those that could not begin. */
  readonly tried: TriedAgent[] = [];
  readonly #init: AttemptsInit;
  #candidate: Candidate;
  #notes: string[] = [];

  constructor(init: AttemptsInit) {
    this.#init = init;
    this.#candidate = init.candidates[0];
  }

  /** Name of the profile that runs, or is about to. */
  get agent(): string {
    return this.#candidate.profile.name;
  }

  /** What the caller should know of how that one does it. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Settles when the last child has left. Never rejects. */
  async run(): Promise<void> {
    const { candidates, earlyEnd, messages, questions, onBegun, onDone } = this.#init;
    const waiting = [...candidates];
    for (let candidate = waiting.shift(); candidate; candidate = waiting.shift()) {
      this.#candidate = candidate;
      this.#notes = [];
      onBegun();
      const run = new ChildRun({ ...this.#init, candidate, onNote: (note) => this.#notes.push(note) });
      const ending = await run.work();
      const isLast = waiting.length === 0 || earlyEnd.asked;
      const isOver = isLast || !couldNotBegin(ending) || this.#hasWorked;
      if (isOver) messages.close();
      // The next one has a place of its own.
      const patch = await run.takeHome();
      if (isOver) onDone(ending, patch);
      else this.tried.push({ agent: this.agent, model: candidate.model ?? null, error: ending.error! });
      await run.leave(isOver && !questions.areOpen);
      if (isOver) return;
    }
  }

  /** Whether anything was done that another agent would do a second time. */
  get #hasWorked(): boolean {
    const { ports, childId, reply, artifacts } = this.#init;
    return reply.hasWorked || artifacts.hasWritten || ports.store.delegationsOf(childId).length > 0;
  }
}
