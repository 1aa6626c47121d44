/**
 * What `crucible sessions` asks, answered from the store: in the daemon, and in the command line itself when no daemon runs.
 * Long conversations are read in pages, so that nobody who talks to an agent meanwhile has to wait for it.
 */
import { setImmediate } from "node:timers/promises";
import type { ControlMethods, StoreState } from "../control/methods.ts";
import type {
  SessionDetail,
  StandingPermissions,
  StoredDelegation,
  StoredMessage,
  StoredPermission,
  StoredSession,
} from "../control/stored.ts";
import { lost } from "../delegation/loss.ts";
import { failureIn } from "../delegation/result.ts";
import { recordUnknown, sessionLive } from "../sessions/errors.ts";
import type { DelegationRecord, Deleted, RelayedMessage, SessionRecord, Store } from "../sessions/records.ts";
import type { SessionState } from "../sessions/session.ts";
import { resolveId } from "./stored-ids.ts";
import { placeOf } from "./stored-search.ts";
import { Turns } from "./stored-turns.ts";

/** Characters of a conversation that go out at once. */
const pageCharacters = 1024 * 1024;
const messagesAtOnce = 500;
const sessionsAtOnce = 200;

export interface StoredParts {
  store: Store;
  /** The state of a session that lives in this process. */
  stateOf: (sessionId: string) => SessionState | undefined;
  /** What waits for a human, and what humans said "always" and "never" to, in the sessions of this process. */
  standing: () => StandingPermissions;
  health: () => StoreState;
  /** Whether a daemon may be at work on what is not ended in the store. */
  mayBeLive: boolean;
  /** Deletes a session with all that descends from it, and its files. */
  remove: (id: string) => Promise<Deleted>;
}

export type StoredMethod = "sessions" | "session" | "session_messages" | "delete_session";

export type StoredHandlers = {
  [Method in StoredMethod]: (params: ControlMethods[Method]["params"]) => Promise<ControlMethods[Method]["result"]>;
};

export function storedHandlers(parts: StoredParts): StoredHandlers {
  const { store, health, stateOf, mayBeLive, remove } = parts;

  function stateIn(record: SessionRecord): StoredSession["state"] {
    return stateOf(record.id) ?? (record.endedAt === null && mayBeLive ? "open" : "ended");
  }

  function toStored(record: SessionRecord): StoredSession {
    const { id, origin, profile: agent, cwd, createdAt, updatedAt, endedAt } = record;
    const delegations = store.delegationNames(id);
    // A terminal has no conversation to be named after.
    const title = record.title || (delegations[0]?.title ?? "");
    const state = stateIn(record);
    return { id, origin, agent, title, cwd, state, createdAt, updatedAt, endedAt, delegations: delegations.length };
  }

  function toDelegation(stored: DelegationRecord): StoredDelegation {
    const isOpen = stored.status === "running" || stored.status === "queued";
    const record = isOpen && !mayBeLive ? lost(stored, []) : stored;
    const { id, agent, title, status, childSessionId: sessionId, createdAt, endedAt, usage } = record;
    const error = failureIn(record);
    const resultBytes = Buffer.byteLength(record.result);
    const below = sessionId === null ? [] : store.delegationsOf(sessionId).map(toDelegation);
    const sandbox = (sessionId === null ? undefined : store.findSession(sessionId))?.sandbox ?? null;
    const facts = { id, agent, title, status, sessionId, createdAt, endedAt, resultBytes, usage, error, sandbox };
    return { ...facts, delegations: below };
  }

  function lineageOf(record: SessionRecord): SessionDetail["lineage"] {
    const lineage: SessionDetail["lineage"] = [];
    for (let id = record.parentId; id !== null;) {
      const above = store.findSession(id);
      if (!above) break;
      lineage.unshift({ id, agent: above.profile, title: above.title });
      id = above.parentId;
    }
    return lineage;
  }

  function withAllBelow(record: SessionRecord): SessionRecord[] {
    return [record, ...store.childrenOf(record.id).flatMap(withAllBelow)];
  }

  function permissionsIn(records: readonly SessionRecord[]): StoredPermission[] {
    const decided = records.flatMap(({ id, profile: agent }) =>
      store.permissionsOf(id).map(({ id: _id, rootId: _rootId, ...decision }) => ({ ...decision, agent })),
    );
    return decided.toSorted((a, b) => a.at - b.at);
  }

  function standingIn(records: readonly SessionRecord[]): StandingPermissions {
    const ids = new Set(records.map(({ id }) => id));
    const isThere = ({ sessionId }: { sessionId: string }): boolean => ids.has(sessionId);
    const { questions, remembered } = parts.standing();
    return { questions: questions.filter(isThere), remembered: remembered.filter(isThere) };
  }

  async function detailOf(record: SessionRecord, withPermissions: boolean): Promise<SessionDetail> {
    const turns = new Turns();
    const tree = withPermissions ? withAllBelow(record) : [];
    for await (const message of conversation(record.id)) turns.heard(message);
    return {
      ...toStored(record),
      additionalDirectories: record.additionalDirectories,
      usage: record.usage,
      endReason: record.endReason,
      sandbox: record.sandbox,
      lineage: lineageOf(record),
      messages: turns.messages,
      turns: turns.shown,
      droppedTurns: turns.dropped,
      delegationTree: store.delegationsOf(record.id).map(toDelegation),
      handoffs: store
        .handoffsOf(record.id)
        .map(({ from, agent, beganAt, endedAt }) => ({ from, agent, beganAt, endedAt })),
      ...(withPermissions ? { permissions: permissionsIn(tree), standing: standingIn(tree) } : {}),
    };
  }

  async function* conversation(sessionId: string): AsyncGenerator<RelayedMessage> {
    for (let after = 0; ;) {
      const page = store.messagesOf(sessionId, { after, limit: messagesAtOnce });
      yield* page;
      if (page.length < messagesAtOnce) return;
      after = page.at(-1)!.number;
      await setImmediate();
    }
  }

  async function* wantedSessions({
    search,
    agent,
    all,
  }: ControlMethods["sessions"]["params"]): AsyncGenerator<StoredSession> {
    // A text is looked for in the conversations of children too: these are what it was said in.
    const isRoot = all || search !== undefined ? undefined : true;
    for (let after: SessionRecord | undefined; ;) {
      const page = store.listSessions({ profile: agent, isRoot, after, limit: sessionsAtOnce });
      for (const record of page) {
        if (search === undefined) {
          yield toStored(record);
          continue;
        }
        const found = placeOf(search, record, store);
        if (found !== undefined) yield { ...toStored(record), found };
        await setImmediate();
      }
      if (page.length < sessionsAtOnce) return;
      after = page.at(-1);
    }
  }

  function sessionNamed(given: string): SessionRecord {
    const id = resolveId(given, store);
    const record = store.findSession(id) ?? store.findSession(store.findDelegation(id)?.childSessionId ?? "");
    if (record) return record;
    throw recordUnknown.create(`delegation ${id} has opened no session`, {
      hint: "`crucible sessions show` tells why",
    });
  }

  return {
    async sessions(params) {
      const sessions: StoredSession[] = [];
      for await (const session of wantedSessions(params)) {
        sessions.push(session);
        if (sessions.length === params.limit) break;
      }
      return { sessions, store: health() };
    },

    async session({ id: given, permissions }) {
      const id = resolveId(given, store);
      const delegation = store.findDelegation(id);
      const record = store.findSession(delegation ? (delegation.childSessionId ?? "") : id);
      const session = record ? await detailOf(record, permissions) : null;
      if (!delegation) return { delegation: null, session };
      const { callerSessionId, task, result, stopReason, notes, artifacts } = delegation;
      return {
        delegation: { ...toDelegation(delegation), callerSessionId, task, result, stopReason, notes, artifacts },
        session,
      };
    },

    async session_messages({ id, after }) {
      const record = sessionNamed(id);
      const messages: StoredMessage[] = [];
      let characters = 0;
      for (const message of store.messagesOf(record.id, { after, limit: messagesAtOnce })) {
        messages.push(message);
        characters += JSON.stringify(message.params).length;
        if (characters > pageCharacters) break;
      }
      return { messages };
    },

    async delete_session({ id }) {
      const record = sessionNamed(id);
      const live = store.treeOf(record.id).find((one) => stateIn(one) !== "ended");
      const above = lineageOf(record).find((one) => (stateOf(one.id) ?? "ended") !== "ended");
      if (live || above) {
        const open = live?.id ?? above!.id;
        throw sessionLive.create(
          open === record.id ? `session ${open} is still open` : `session ${open}, of the same tree, is still open`,
          { hint: "close it in its editor, or end what it does with `crucible cancel`" },
        );
      }
      const { sessionIds: sessions, delegationIds: delegations } = await remove(record.id);
      return { sessions, delegations };
    },
  };
}
