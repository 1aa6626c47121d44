/** What belongs to stored sessions besides the database: patches of worktrees, which go with the delegations they are from. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Deleted, Store } from "../sessions/records.ts";

/** Deletes a session with all that descends from it, and their files. Rejects with CRU_STORE_UNWRITABLE. */
export async function removeStored(id: string, from: { store: Store; stateDirectory: string }): Promise<Deleted> {
  const deleted = from.store.deleteSession(id);
  for (const delegation of deleted.delegationIds) {
    await rm(join(from.stateDirectory, "patches", `${delegation}.patch`), { force: true });
  }
  return deleted;
}
