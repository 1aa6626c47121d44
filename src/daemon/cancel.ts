/** `crucible cancel`: ends a delegation, or what a session does now with all that it delegated. */
import type { Delegations } from "../delegation/delegations.ts";
import { nothingRuns } from "../sessions/errors.ts";
import type { Store } from "../sessions/records.ts";
import type { SessionRegistry } from "../sessions/registry.ts";
import { resolveId } from "./stored-ids.ts";

const reason = "the user cancelled it with crucible cancel";

/** Resolves when the delegations it cancelled have ended. Throws CRU_SESSION_UNKNOWN and CRU_NOTHING_RUNS. */
export async function cancel(
  given: string,
  { delegations, registry, store }: { delegations: Delegations; registry: SessionRegistry; store: Store },
): Promise<{ id: string; cancelled: string[] }> {
  const id = resolveId(given, store);
  const session = registry.get(id);
  // A child's turn is its delegation; a root's takes along what it has delegated.
  const own = session ? delegations.ofChild(session) : delegations.live(id);
  const affected = own ? [own] : session ? delegations.liveOf(session) : [];
  const isTurn = !own && session?.state === "working";
  if (affected.length === 0 && !isTurn) throw nothing(id, store);
  if (isTurn) session.tell("session/cancel", { sessionId: id });
  for (const one of affected) one.cancel(reason);
  await Promise.all(affected.map((one) => one.ended));
  return { id, cancelled: [...(isTurn ? [id] : []), ...affected.map((one) => one.id)] };
}

function nothing(id: string, store: Store): Error {
  const delegation = store.findDelegation(id);
  const what = delegation ? `delegation ${id} has ended: ${delegation.status}` : `session ${id} does nothing now`;
  return nothingRuns.create(`there is nothing to cancel: ${what}`, { hint: "`crucible ps` shows what runs" });
}
