/**
 * One prompt at a time. Agents differ in what they do with a second prompt during a turn (some queue it, some cancel the
 * first, some fail it), so Crucible queues it itself: answers stay attributable, whatever the agent.
 */
import type { Interceptor, Request } from "../acp/interceptor.ts";
import { isRecord, RpcError } from "../acp/wire.ts";
import { CrucibleError } from "../base/errors.ts";
import { monotonicMs } from "../base/clock.ts";
import type { Bus, Events } from "../observe/bus.ts";
import { tooManyPrompts } from "./errors.ts";
import type { Session } from "./session.ts";

/** Prompts of one session that may wait behind the one under way. */
export const maxQueuedPrompts = 100;

export function turns(session: Session, bus: Bus): Interceptor {
  /** Settles when the turn asked for last is over; undefined when none is under way. */
  let last: Promise<void> | undefined;
  let waiting = 0;
  let cancellations = 0;

  /** Runs a turn behind the last one, unless it is cancelled before its time has come. */
  async function inTurn(request: Request, next: (request: Request) => Promise<unknown>): Promise<unknown> {
    const cancelledBefore = cancellations;
    waiting++;
    await last;
    waiting--;
    // A cancel ends the turn under way and all that waited behind it (ACP, "Cancellation").
    if (cancellations !== cancelledBefore || request.signal.aborted) return cancelled;
    return haveTurn(request, next);
  }

  async function haveTurn(request: Request, next: (request: Request) => Promise<unknown>): Promise<unknown> {
    const { id: sessionId, parent } = session;
    const profile = session.profile.name;
    const startedAt = monotonicMs();
    const tellEnd = (how: Pick<Events["turn.ended"], "stopReason" | "code">): void => {
      const durationMs = Math.round(monotonicMs() - startedAt);
      bus.emit("turn.ended", { sessionId, profile, durationMs, ...how });
    };
    bus.emit("turn.started", { sessionId, parentId: parent?.id, profile });
    try {
      const answer = await next(request);
      tellEnd({ stopReason: stopReasonOf(answer), code: null });
      return answer;
    } catch (error) {
      tellEnd({ stopReason: null, code: codeOf(error) });
      throw error;
    }
  }

  return {
    name: "turns",

    async clientRequest(request, next) {
      if (request.method !== "session/prompt") return next(request);
      if (waiting >= maxQueuedPrompts) {
        throw tooManyPrompts.create(`session ${session.id} has ${waiting} prompts waiting already`, {
          hint: "wait for an answer, or cancel the turn",
        });
      }
      const before = last;
      const finished = session.turnStarted();
      // Nothing waits where nothing has to: what is said behind a prompt must not overtake it.
      const turn = before ? inTurn(request, next) : haveTurn(request, next);
      const over: Promise<void> = turn.then(
        () => void (last === over && (last = undefined)),
        () => void (last === over && (last = undefined)),
      );
      last = over;
      try {
        return await (before ? Promise.race([turn, withdrawnWhileWaiting(before, request.signal)]) : turn);
      } finally {
        finished();
      }
    },

    clientNotification(notification, next) {
      if (notification.method === "session/cancel") cancellations++;
      next(notification);
    },
  };
}

function stopReasonOf(answer: unknown): string | null {
  const stopReason = isRecord(answer) ? answer["stopReason"] : undefined;
  return typeof stopReason === "string" ? stopReason : null;
}

function codeOf(error: unknown): string {
  if (error instanceof CrucibleError) return error.code;
  return error instanceof RpcError ? String(error.code) : "bug";
}

const cancelled = { stopReason: "cancelled" };

/** The answer to a prompt that is cancelled by itself before its turn has come; never settles otherwise. */
function withdrawnWhileWaiting(before: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(cancelled);
    signal.addEventListener("abort", onAbort, { once: true });
    void before.then(() => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
  });
}
