/**
 * A child session that is open on its agent, and whoever listens to it now: the delegation it works for, or nobody while it rests
 * between two tasks.
 */
import { isDeepStrictEqual } from "node:util";
import { RpcError, type Peer, type RequestOptions } from "../acp/wire.ts";
import type { AgentProfile } from "../config/config.ts";
import type { ToolSet } from "../sessions/grant.ts";
import type { Session } from "../sessions/session.ts";
import type { ChildPlace, OpenedChild } from "./ports.ts";

/** What was fixed when it was opened; what asks for anything else needs another process. */
export interface ChildTerms {
  readonly caller: Session;
  readonly profile: AgentProfile;
  /** Undefined for a worktree of its own, which no two tasks share. */
  readonly place: ChildPlace | undefined;
  /** Undefined = all that its caller may. */
  readonly tools: readonly ToolSet[] | undefined;
  readonly model: string | undefined;
  readonly mode: string | undefined;
}

export interface Child extends OpenedChild {
  readonly client: ChildClient;
  readonly terms: ChildTerms;
}

const nobody: Peer = {
  request: (method) => Promise.reject(RpcError.methodNotFound(method)),
  notify: () => {},
};

export class ChildClient implements Peer {
  #listener: Peer = nobody;

  /** Undefined = nobody. */
  hears(listener: Peer | undefined): void {
    this.#listener = listener ?? nobody;
  }

  request(method: string, params: unknown, options?: RequestOptions): Promise<unknown> {
    return this.#listener.request(method, params, options);
  }

  notify(method: string, params: unknown): void {
    this.#listener.notify(method, params);
  }
}

/** Whether a child that was opened on these terms can take a task with those; what is not asked for may be as it was. */
export function fits(had: ChildTerms, wanted: ChildTerms): boolean {
  return (
    had.caller === wanted.caller &&
    had.profile === wanted.profile &&
    had.place !== undefined &&
    wanted.place !== undefined &&
    isDeepStrictEqual([had.place.cwd, had.place.kiln], [wanted.place.cwd, wanted.place.kiln]) &&
    sameTools(had.tools, wanted.tools) &&
    (wanted.model === undefined || wanted.model === had.model) &&
    (wanted.mode === undefined || wanted.mode === had.mode)
  );
}

function sameTools(had: ChildTerms["tools"], wanted: ChildTerms["tools"]): boolean {
  if (!had || !wanted) return had === wanted;
  return had.length === wanted.length && had.every((tool) => wanted.includes(tool));
}
