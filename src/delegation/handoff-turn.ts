/** One prompt of a user in a conversation that can be handed over, from its arrival until it is answered, and what is due in it. */
import type { Request } from "../acp/interceptor.ts";
import { isRecord, RpcError } from "../acp/wire.ts";
import { CrucibleError } from "../base/errors.ts";
import type { AgentProfile } from "../config/config.ts";
import type { Grant, Narrowing } from "../sessions/grant.ts";
import type { Speaker } from "./speaker.ts";

/** A handoff that was allowed. */
export interface Handoff {
  message: string;
  /** The target is told nothing of the conversation so far. */
  isFresh: boolean;
  returnAfter: boolean;
  /** Who had the conversation before and gets it back, or what is to be started. */
  target: Speaker | Newcomer;
}

export interface Newcomer {
  profile: AgentProfile;
  grant: Grant;
  narrowing: Narrowing;
}

export interface Turn {
  request: Request;
  /** To the first agent. */
  next: (request: Request) => Promise<unknown>;
  /** The user cancels. */
  stop: AbortController;
  /** As `stop`, or the prompt itself is withdrawn. */
  signal: AbortSignal;
  accepted: Handoff | undefined;
  /** Nobody speaks, because the next one is being started. */
  isStarting: boolean;
  /** Those who were given the user's words. */
  heardBy: Set<Speaker>;
}

export const cancelled = { stopReason: "cancelled" };
export const answered = { stopReason: "end_turn" };

export function newTurn(request: Request, next: Turn["next"]): Turn {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  return { request, next, stop, signal, accepted: undefined, isStarting: false, heardBy: new Set() };
}

/** The handoff that is to take place now, once. */
export function due(turn: Turn, answer: unknown): Handoff | undefined {
  const { accepted } = turn;
  turn.accepted = undefined;
  const wasCancelled = turn.signal.aborted || (isRecord(answer) && answer["stopReason"] === "cancelled");
  return wasCancelled ? undefined : accepted;
}

/** Whether an error is one that an agent can be expected to make; anything else is a mistake of Crucible's. */
export function isOfAgent(error: unknown): boolean {
  return error instanceof CrucibleError || error instanceof RpcError;
}
