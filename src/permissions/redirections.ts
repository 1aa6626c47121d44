/** The operators of a shell that lead from and to files (POSIX shell, "Redirection", and what bash has besides). */

/** Of an operator with the descriptor before it. */
const maxOperatorCharacters = 64;

const operator = /^(?:(?:\d*|(\{\w+\}))(<<<|<<-|<<|<>|<&|>>|>&|>\||<(?!\()|>(?!\())|&>>?)/;
const nowhere = /^\/dev\/(null|stdin|stdout|stderr|tty)$/;

export interface Redirection {
  /** `&>` for both of its kind. */
  readonly kind: string;
  readonly length: number;
  /** Its descriptor has a name, as in `{log}>FILE`: a shell that does not know this takes it for a word. */
  readonly isNamed: boolean;
}

/** Undefined where none stands. */
export function redirectionAt(text: string, at: number): Redirection | undefined {
  const found = operator.exec(text.slice(at, at + maxOperatorCharacters));
  return found ? { kind: found[2] ?? "&>", length: found[0].length, isNamed: found[1] !== undefined } : undefined;
}

/** Not to another descriptor, nor to nothing. */
export function leadsToFile(kind: string, target: string): boolean {
  const isCopy = (kind === ">&" || kind === "<&") && /^(\d+|-|\d+-)$/.test(target);
  return !isCopy && !nowhere.test(target);
}
