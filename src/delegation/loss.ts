/**
 * What is left of a delegation whose daemon died: that it never began, or what its child had said until then. Whether its task was
 * done nobody knows.
 */
import type { DelegationRecord, RelayedMessage } from "../sessions/records.ts";
import { delegationLost } from "./errors.ts";
import { Reply } from "./reply.ts";
import { failureOf } from "./result.ts";

/** The record as it is from now on, for one that had not ended; `said` = the conversation of its child, from the first message on. */
export function lost(record: DelegationRecord, said: Iterable<RelayedMessage>): DelegationRecord {
  const { status, agent } = record;
  if (status === "queued") {
    const neverBegun = delegationLost.create(`the daemon died before ${agent} had begun; nothing of it was done`, {
      hint: "delegate it again",
    });
    return { ...record, status: "lost", error: failureOf(neverBegun) };
  }
  const reply = new Reply();
  for (const { from, method, params } of said) {
    if (method === "session/prompt" && from === "client") reply.turnStarted();
    else if (method === "session/update" && from === "agent") reply.update(params);
  }
  return { ...record, status: "lost", result: reply.text };
}
