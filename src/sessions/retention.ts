/**
 * What is stored does not grow without end: conversations that nobody has touched for long are deleted, and then the oldest ones
 * until the rest fits. Always a whole tree, and never one in which anything is open.
 */
import { setImmediate } from "node:timers/promises";
import type { Store } from "./records.ts";

/** Time between two looks at what is stored, in milliseconds. */
export const retentionIntervalMs = 60 * 60 * 1000;

const dayMs = 24 * 60 * 60 * 1000;
const treesAtOnce = 100;

export interface RetentionParts {
  store: Store;
  /** Asked each time, since the configuration may change. A `maxAgeDays` of 0 keeps all. */
  limits: () => { maxAgeDays: number; maxBytes: number };
  /** Whether a session lives in this daemon. */
  isLive: (sessionId: string) => boolean;
  /** Deletes a root session with all that descends from it, and its files. */
  remove: (rootId: string) => Promise<unknown>;
  /** Something failed that is tried again the next time. */
  onFailure: (error: unknown) => void;
}

/** Looks now and then every hour, until the returned function is called. */
export function startRetention(parts: RetentionParts): () => Promise<void> {
  const stop = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  const look = (): void => {
    running = running.then(() => enforceRetention(parts, stop.signal)).catch(parts.onFailure);
  };
  look();
  const timer = setInterval(look, retentionIntervalMs).unref();
  return async () => {
    clearInterval(timer);
    stop.abort();
    await running;
  };
}

/** Deletes what is too old or too much. Returns how many trees that were. */
export async function enforceRetention(parts: RetentionParts, signal?: AbortSignal): Promise<number> {
  const { store, remove } = parts;
  const { maxAgeDays, maxBytes } = parts.limits();
  const oldestKept = maxAgeDays === 0 ? 0 : Date.now() - maxAgeDays * dayMs;
  let deleted = 0;
  for await (const { id, updatedAt } of endedTrees(parts)) {
    if (signal?.aborted || (updatedAt >= oldestKept && store.bytes() <= maxBytes)) break;
    await remove(id);
    deleted++;
  }
  if (deleted > 0) await shrinkAll(store, signal);
  return deleted;
}

async function shrinkAll(store: Store, signal: AbortSignal | undefined): Promise<void> {
  for (let isDone = store.shrink(); !isDone; isDone = store.shrink()) {
    await setImmediate();
    if (signal?.aborted) return;
  }
}

/** The root sessions of trees in which nothing is open, those touched longest ago first. */
async function* endedTrees({ store, isLive }: RetentionParts): AsyncGenerator<{ id: string; updatedAt: number }> {
  for (let after: { id: string; updatedAt: number } | undefined; ;) {
    const page = store.listSessions({ isRoot: true, isOldestFirst: true, after, limit: treesAtOnce });
    for (const root of page) {
      await setImmediate();
      const isOpen = store.treeOf(root.id).some(({ id, endedAt }) => endedAt === null || isLive(id));
      if (!isOpen) yield root;
    }
    after = page.at(-1);
    if (page.length < treesAtOnce) return;
  }
}
