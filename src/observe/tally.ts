/** How many delegations have ended since the daemon started, by how they ended; those a rule was against among them. */
import type { DelegationStatus } from "../base/delegation.ts";
import type { Bus } from "./bus.ts";

export type EndedTally = Record<Exclude<DelegationStatus, "running" | "lost">, number>;

/** Counts from now on what is told on the bus; gives how it stands. */
export function tallyEnded(bus: Bus): () => EndedTally {
  const tally: EndedTally = { completed: 0, failed: 0, cancelled: 0, timed_out: 0, refused: 0 };
  bus.on("delegation.progress", ({ status }) => {
    if (status !== null && status !== "running" && status !== "lost") tally[status]++;
  });
  bus.on("delegation.refused", () => tally.refused++);
  return () => ({ ...tally });
}
