/**
 * `session/list` (ACP, "Session List"): the agent's own conversations under Crucible's ids, and those that the store has of this
 * profile, the last touched first. A conversation of the agent's that is seen for the first time gets an id that is kept, so that
 * an editor finds it again tomorrow; conversations that were delegations or handed over are not an editor's business.
 */
import { abilitiesOf } from "../acp/capabilities.ts";
import { isRecord, RpcError, rpcCodes, type IncomingRequest } from "../acp/wire.ts";
import type { Agent } from "../agents/agent.ts";
import { timedOut, within } from "../base/deadline.ts";
import { messageOf } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { SessionRecord, Store } from "../sessions/records.ts";
import { paramsOf, type Desk } from "./desk.ts";
import { hasStoredConversation } from "./stored-conversation.ts";

/** Conversations in one answer to `session/list`. */
export const maxListedAtOnce = 100;

/** Stored conversations of one profile that are looked at for a list; older ones are left out. */
export const maxListed = 1000;

/** Pages of an agent's own list that are read for one. */
export const maxAgentPages = 20;

/** How long an agent may take to list its conversations, in milliseconds; then those of the store are listed alone. */
export const agentListPatienceMs = 5000;

interface Listed {
  entry: Record<string, unknown> & { sessionId: string };
  updatedAt: number;
}

export async function listSessions(desk: Desk, request: IncomingRequest): Promise<unknown> {
  const params = paramsOf(request.params);
  const { store } = desk.ports;
  const profile = desk.profile.name;
  const cwd = typeof params["cwd"] === "string" ? params["cwd"] : undefined;
  // Before initialize there is no agent to ask.
  if (!desk.initialize) await desk.seatOf(desk.profile).require();

  const ofAgent = await listOfAgent(desk, params, request.signal);
  const byAgent = ofAgent.sessions.flatMap((entry) => withOwnId(entry, { profile, store }));
  const known = new Set(byAgent.map(({ entry }) => entry.sessionId));
  const stored = store
    .listSessions({ profile, cwd, isRoot: true, limit: maxListed })
    .filter(({ id, origin }) => origin === "editor" && !known.has(id) && hasStoredConversation(store, id))
    .map(fromRecord);
  // A conversation that an agent lists twice is one all the same.
  const all = [...new Map([...stored, ...byAgent].map((one) => [one.entry.sessionId, one])).values()];
  all.sort(lastTouchedFirst);
  return { ...ofAgent.others, ...page(all, params["cursor"]) };
}

interface ListOfAgent {
  sessions: unknown[];
  /** What else its first answer had. */
  others: Record<string, unknown>;
}

/** Empty for an agent that lists none, or cannot be asked: the store's are worth listing all the same. */
async function listOfAgent(
  desk: Desk,
  { cursor: _ours, ...params }: Record<string, unknown>,
  signal: AbortSignal,
): Promise<ListOfAgent> {
  const listing = desk.seatOf(desk.profile).use((agent) => allPages(agent, params, signal));
  const nothing = { sessions: [], others: {} };
  try {
    const listed = await within(listing, agentListPatienceMs, signal);
    return listed === timedOut ? nothing : listed;
  } catch (error) {
    if (signal.aborted) throw error;
    desk.ports.bus.emit("warning", {
      where: "session/list",
      message: `agent ${desk.profile.name} could not list its conversations: ${messageOf(error)}`,
    });
    return nothing;
  }
}

async function allPages(agent: Agent, params: Record<string, unknown>, signal: AbortSignal): Promise<ListOfAgent> {
  const sessions: unknown[] = [];
  let others: Record<string, unknown> = {};
  if (!abilitiesOf(agent.initializeResult).list) return { sessions, others };
  let cursor: unknown;
  for (let pages = 0; pages < maxAgentPages; pages++) {
    const asked = cursor === undefined ? params : { ...params, cursor };
    const result = await agent.request("session/list", asked, { signal });
    if (!isRecord(result) || !Array.isArray(result["sessions"])) break;
    const { sessions: some, nextCursor, ...rest } = result;
    sessions.push(...(some as unknown[]));
    if (pages === 0) others = rest;
    if (typeof nextCursor !== "string" || nextCursor === cursor) break;
    cursor = nextCursor;
  }
  return { sessions, others };
}

function withOwnId(entry: unknown, { profile, store }: { profile: string; store: Store }): Listed[] {
  if (!isRecord(entry) || typeof entry["sessionId"] !== "string") return [];
  const record = store.findAgentSession(profile, entry["sessionId"]) ?? remember(entry, { profile, store });
  if (record.parentId !== null) return [];
  const title = entry["title"] ?? (record.title === "" ? entry["title"] : record.title);
  return [
    {
      entry: { ...entry, sessionId: record.id, ...(title === undefined ? {} : { title }) },
      updatedAt: timeOf(entry) ?? record.updatedAt,
    },
  ];
}

function fromRecord({ id, cwd, additionalDirectories, title, updatedAt }: SessionRecord): Listed {
  const entry = {
    sessionId: id,
    cwd,
    ...(additionalDirectories.length > 0 ? { additionalDirectories } : {}),
    ...(title === "" ? {} : { title }),
    updatedAt: new Date(updatedAt).toISOString(),
  };
  return { entry, updatedAt };
}

function lastTouchedFirst(one: Listed, other: Listed): number {
  return other.updatedAt - one.updatedAt || (one.entry.sessionId < other.entry.sessionId ? -1 : 1);
}

/** The cursor is the id of the last conversation of the page before. */
function page(all: readonly Listed[], cursor: unknown): Record<string, unknown> {
  const last = cursor === undefined || cursor === null ? -1 : all.findIndex(({ entry }) => entry.sessionId === cursor);
  if (last === -1 && cursor !== undefined && cursor !== null) {
    throw new RpcError({
      code: rpcCodes.invalidParams,
      message: "the cursor is not one of this list; list from the start",
    });
  }
  const sessions = all.slice(last + 1, last + 1 + maxListedAtOnce).map(({ entry }) => entry);
  const isMore = last + 1 + maxListedAtOnce < all.length;
  return { sessions, ...(isMore ? { nextCursor: sessions.at(-1)?.sessionId } : {}) };
}

function remember(
  entry: Record<string, unknown>,
  { profile, store }: { profile: string; store: Store },
): SessionRecord {
  const now = Date.now();
  const record: SessionRecord = {
    id: newId("ses"),
    origin: "editor",
    profile,
    agentSessionId: String(entry["sessionId"]),
    parentId: null,
    cwd: typeof entry["cwd"] === "string" ? entry["cwd"] : "",
    additionalDirectories: [],
    title: typeof entry["title"] === "string" ? entry["title"] : "",
    usage: { tokens: null, cost: null },
    createdAt: now,
    updatedAt: now,
    endedAt: now,
    sandbox: null,
    endReason: "it was begun before Crucible knew of it",
  };
  store.saveSession(record);
  return record;
}

function timeOf({ updatedAt }: Record<string, unknown>): number | undefined {
  const time = typeof updatedAt === "string" ? Date.parse(updatedAt) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
