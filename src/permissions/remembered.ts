/**
 * What a human said "always" or "never" to, for one session: exactly what was asked, and nothing like it. It overrides no rule that
 * denies and gives no tool that was not given; it ends with the session.
 */
import type { Deed } from "./deed.ts";
import { isPathKind } from "./tool-kinds.ts";

/** Answers kept for one session; the oldest goes first when there are more. */
export const maxRememberedAnswers = 1000;

export interface RememberedAnswer {
  readonly allows: boolean;
  readonly kind: string;
  /** What was asked, each thing by itself. */
  readonly subjects: readonly string[];
  /** In milliseconds since 1970. */
  readonly at: number;
}

export class Remembered {
  #answers: RememberedAnswer[] = [];
  /** Allowed once in the turn under way: the agent asked, and now does it. */
  #thisTurn: RememberedAnswer[] = [];

  get answers(): readonly RememberedAnswer[] {
    return this.#answers;
  }

  turnBegins(): void {
    this.#thisTurn = [];
  }

  /** A deed that does not say what it is about is not remembered: whatever came later would be it. */
  always(deed: Deed, allows: boolean): void {
    const subjects = subjectsOf(deed);
    if (subjects.length === 0) return;
    const others = this.#answers.filter((one) => !(one.kind === deed.kind && isSame(one.subjects, subjects)));
    this.#answers = [...others, { allows, kind: deed.kind, subjects, at: Date.now() }].slice(-maxRememberedAnswers);
  }

  once(deed: Deed): void {
    const subjects = subjectsOf(deed);
    if (subjects.length === 0) return;
    this.#thisTurn = [...this.#thisTurn, { allows: true, kind: deed.kind, subjects, at: Date.now() }].slice(
      -maxRememberedAnswers,
    );
  }

  /** What was said of just this: everything in it was allowed, or all that was refused is in it. */
  answerTo(deed: Deed): boolean | undefined {
    const subjects = subjectsOf(deed);
    if (subjects.length === 0) return undefined;
    const alike = this.#answers.filter(({ kind }) => kind === deed.kind);
    if (alike.some((one) => !one.allows && one.subjects.every((subject) => subjects.includes(subject)))) return false;
    return covers(alike, subjects) ? true : undefined;
  }

  wasAllowedThisTurn(deed: Deed): boolean {
    const subjects = subjectsOf(deed);
    return (
      subjects.length > 0 &&
      covers(
        this.#thisTurn.filter(({ kind }) => kind === deed.kind),
        subjects,
      )
    );
  }
}

function covers(answers: readonly RememberedAnswer[], subjects: readonly string[]): boolean {
  const allowed = new Set(answers.filter(({ allows }) => allows).flatMap((one) => one.subjects));
  return subjects.every((subject) => allowed.has(subject));
}

/** What a deed is about, word for word: commands, or paths, addresses, the tool; its title where it has none of these. */
export function subjectsOf({ kind, commands, paths, addresses, tools, title }: Deed): string[] {
  const things = [
    ...commands.map(({ text }) => text),
    ...paths.map(({ path }) => path),
    ...addresses,
    ...tools.slice(0, 1),
  ];
  if (things.length > 0) return [...new Set(things)];
  // A path that is not named, or a command, could be any.
  return isPathKind(kind) || kind === "execute" || title === "" ? [] : [title];
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((subject) => others.includes(subject));
}
