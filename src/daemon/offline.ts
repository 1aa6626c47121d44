/** The stored sessions without a daemon: the command line opens the store itself, and gives the same answers. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createBus } from "../observe/bus.ts";
import { sessionLive } from "../sessions/errors.ts";
import { openStore } from "../sessions/store.ts";
import { lockHolder } from "./lock.ts";
import { removeStored } from "./stored-files.ts";
import { storedHandlers, type StoredHandlers } from "./stored-sessions.ts";

export interface OfflineOptions {
  stateDirectory: string;
  onWarning: (message: string) => void;
}

/** Opens what a state folder keeps. A daemon that serves another socket from it may be at work there. */
export function openOffline(options: OfflineOptions): StoredHandlers & Disposable {
  const { stateDirectory, onWarning } = options;
  const holder = lockHolder(join(stateDirectory, "daemon.lock"));
  const bus = createBus();
  // Where nothing was ever stored there is nothing to warn of.
  if (existsSync(join(stateDirectory, "crucible.db"))) bus.on("warning", ({ message }) => onWarning(message));
  const store = openStore(stateDirectory, bus);
  const handlers = storedHandlers({
    store,
    // Nothing is written here; what cannot be read has been warned of.
    health: () => ({ degradedSince: null, reason: null, lost: 0 }),
    stateOf: () => undefined,
    standing: () => ({ questions: [], remembered: [] }),
    mayBeLive: holder !== undefined,
    remove(id) {
      if (holder === undefined) return removeStored(id, { store, stateDirectory });
      throw sessionLive.create(`a daemon with pid ${holder} works on what is stored here, on another socket`, {
        hint: "name its socket with --socket",
      });
    },
  });
  return { ...handlers, [Symbol.dispose]: () => store.close() };
}
