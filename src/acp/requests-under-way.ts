/** Requests of a peer that are under way: so many at most, each with a signal by which it is told that it is no longer wanted. */
import { Cancelled, type RequestId } from "./wire.ts";

/** Requests of a peer that may be under way at once; further ones are refused. */
export const maxOpenRequests = 10_000;

export class RequestsUnderWay {
  readonly #all = new Set<AbortController>();
  /** An id that the peer uses twice names the later one. */
  readonly #byId = new Map<RequestId, AbortController>();

  /** Undefined if there are too many already. `over` has to be called when the request is answered. */
  begin(id: RequestId): { signal: AbortSignal; over: () => void } | undefined {
    if (this.#all.size >= maxOpenRequests) return undefined;
    const controller = new AbortController();
    this.#all.add(controller);
    this.#byId.set(id, controller);
    const over = (): void => {
      this.#all.delete(controller);
      if (this.#byId.get(id) === controller) this.#byId.delete(id);
    };
    return { signal: controller.signal, over };
  }

  /** The peer no longer wants it, and may have said why in the parameters of its cancel. */
  cancel(id: RequestId, params: Record<string, unknown>): void {
    this.#byId.get(id)?.abort(new Cancelled(params));
  }

  /** Nobody is there to be answered. */
  cancelAll(): void {
    for (const controller of this.#all) controller.abort(new Cancelled());
  }
}
