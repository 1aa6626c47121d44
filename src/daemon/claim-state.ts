/** Whose the state folder is, where several daemons use one: of the first, until it ends. */
import { join } from "node:path";
import type { Scope } from "../base/scope.ts";
import type { Bus } from "../observe/bus.ts";
import type { Store } from "../sessions/records.ts";
import { takeLock } from "./lock.ts";

/**
 * Whether it is this daemon's until the scope closes. Delegations that the last daemon left open have an unknown outcome then.
 * Only one daemon may say so: another one that serves a different socket from the same state folder may be running them right now.
 */
export function claimState(state: string, { store, bus, scope }: { store: Store; bus: Bus; scope: Scope }): boolean {
  const warn = (message: string): void => bus.emit("warning", { where: "state", message });
  const lock = takeLock(join(state, "daemon.lock"));
  if (!lock.held) {
    warn(`a daemon with pid ${lock.pid} uses ${state} too; outcomes it left open are not looked at`);
    return false;
  }
  scope.add("state lock", lock.release);
  const lost = store.markLost();
  if (lost > 0) warn(`the outcome of ${lost} delegations is unknown: a daemon ended before them`);
  return true;
}
