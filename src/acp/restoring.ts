/**
 * The mark on a `session/resume` that an editor did not ask for: its bridge opens the session again after the daemon was
 * started anew. Such a session has to be there at once, whatever becomes of its agent.
 */
import { isRecord } from "./wire.ts";

/** The params of the request that opened a session, as those that restore it. */
export function asRestoring(sessionId: string, params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const meta = isRecord(params["_meta"]) ? params["_meta"] : {};
  return { ...params, sessionId, _meta: { ...meta, crucible: { restore: true } } };
}

export function isRestoring(params: unknown): boolean {
  const meta = isRecord(params) ? params["_meta"] : undefined;
  const crucible = isRecord(meta) ? meta["crucible"] : undefined;
  return isRecord(crucible) && crucible["restore"] === true;
}
