/** How a delegation is ended before its child is done: once, with the first reason, heard by all that hang on it. */
import type { DelegationStatus } from "../base/delegation.ts";
import type { CrucibleError } from "../base/errors.ts";
import { delegationCancelled } from "./errors.ts";

export interface EarlyReason {
  status: DelegationStatus;
  error: CrucibleError;
}

export function cancelled(reason: string): EarlyReason {
  const hint = "delegate it again if it is still wanted";
  return { status: "cancelled", error: delegationCancelled.create(reason, { hint }) };
}

export class EarlyEnd {
  readonly #controller = new AbortController();
  #reason: EarlyReason | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get asked(): boolean {
    return this.#reason !== undefined;
  }

  /** Why; where nobody asked, the session it hung on has ended. */
  get reason(): EarlyReason {
    return this.#reason ?? cancelled("the caller's session ended");
  }

  ask(reason: EarlyReason): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller.abort();
  }
}
