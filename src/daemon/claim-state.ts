/** Whose the state folder is, where several daemons use one: of the first, until it ends. */
import { join } from "node:path";
import { isSystemError, messageOf } from "../base/errors.ts";
import type { Scope } from "../base/scope.ts";
import type { Bus } from "../observe/bus.ts";
import { lost } from "../delegation/loss.ts";
import type { RelayedMessage, Store } from "../sessions/records.ts";
import { lockHolder, takeLock, type LockOutcome } from "./lock.ts";

const messagesAtOnce = 500;

/**
 * Whether it is this daemon's until the scope closes. Delegations that the last daemon left open have an unknown outcome then.
 * Only one daemon may say so: another one that serves a different socket from the same state folder may be running them right now.
 */
export function claimState(state: string, { store, bus, scope }: { store: Store; bus: Bus; scope: Scope }): boolean {
  const warn = (message: string): void => bus.emit("warning", { where: "state", message });
  const lock = lockOf(state, warn);
  if (!lock.held) {
    warn(`a daemon with pid ${lock.pid} uses ${state} too; outcomes it left open are not looked at`);
    return false;
  }
  scope.add("state lock", lock.release);
  const count = store.markLost((record) => lost(record, conversationOf(record.childSessionId, store)));
  if (count > 0) warn(`the outcome of ${count} delegations is unknown: a daemon ended before them`);
  return true;
}

// A disk that is full takes no lock, and is no reason not to serve. Whoever has one already has it all the same.
function lockOf(state: string, warn: (message: string) => void): LockOutcome {
  const file = join(state, "daemon.lock");
  try {
    return takeLock(file);
  } catch (error) {
    if (!isSystemError(error, "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO")) throw error;
    const pid = lockHolder(file);
    if (pid !== undefined) return { held: false, pid };
    warn(`${file} cannot be written (${messageOf(error)}); another daemon would not know that this one uses ${state}`);
    return { held: true, release: () => {} };
  }
}

function* conversationOf(sessionId: string | null, store: Store): Generator<RelayedMessage> {
  if (sessionId === null) return;
  for (let after = 0; ;) {
    const messages = store.messagesOf(sessionId, { after, limit: messagesAtOnce });
    yield* messages;
    if (messages.length < messagesAtOnce) return;
    after = messages.at(-1)!.number;
  }
}
