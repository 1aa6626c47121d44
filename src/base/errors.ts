/**
 * The one error class of the domain. A CrucibleError is *expected*: somebody can act on it, so it carries a stable code,
 * what happened, and what to do next. Anything else that reaches an edge is a bug in Crucible.
 *
 * Each folder declares its codes once in its own `errors.ts` with `defineError`; the reference page is made from them.
 * This file must not know any particular error, nor how one is printed.
 */

import { headAndTail } from "./text.ts";

/** Longest message, in bytes; of one that quotes more, words of an agent say, head and tail are kept. */
export const maxErrorBytes = 16 * 1024;

/** Process exit codes (docs/reference/exit-codes.md). */
export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  daemonUnreachable: 3,
  config: 4,
  agentFailed: 5,
  refused: 6,
  timedOut: 7,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface ErrorOptions {
  /** What the reader can do about it: one sentence, imperative, without a full stop at its end. */
  hint?: string;
  /** Facts for machines; never secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** An expected failure. Source of the codes: docs/reference/errors.md. */
export class CrucibleError extends Error {
  override readonly name = "CrucibleError";
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(definition: ErrorDefinition, message: string, options: ErrorOptions = {}) {
    super(withinBounds(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = definition.code;
    this.exitCode = definition.exitCode;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

function withinBounds(message: string): string {
  return headAndTail(message, maxErrorBytes, (omitted) => ` [… ${omitted} bytes are left out here …] `).text;
}

/** One documented error code. Call `create` to make an error of it. */
export interface ErrorDefinition {
  readonly code: `CRU_${string}`;
  readonly exitCode: ExitCode;
  /** One line for the reference: when it occurs. */
  readonly meaning: string;
  create(message: string, options?: ErrorOptions): CrucibleError;
  /** True if `error` is of this definition. */
  matches(error: unknown): error is CrucibleError;
}

/** Declares one error code. */
export function defineError(code: `CRU_${string}`, exit: keyof typeof exitCodes, meaning: string): ErrorDefinition {
  const definition: ErrorDefinition = {
    code,
    exitCode: exitCodes[exit],
    meaning,
    create: (message, options) => new CrucibleError(definition, message, options),
    matches: (error): error is CrucibleError => error instanceof CrucibleError && error.code === code,
  };
  return definition;
}

/** The message of anything that was thrown, for places that must print something whatever it is. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for the errors Node.js raises from system calls with one of these codes (ENOENT, EACCES, …); without codes, with any. */
export function isSystemError(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return false;
  return codes.length === 0 ? "syscall" in error : codes.includes(error.code);
}
