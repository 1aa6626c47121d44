/**
 * The store in SQLite (state folder, `crucible.db`): sessions, their lineage and transcripts, delegations and their whole
 * results, permission decisions. It says what is kept and how it is asked for; where the rows are, and what happens when they
 * cannot be written, is the business of tables.ts. No SQL stands outside this room.
 */
import { join } from "node:path";
import type { Bus } from "../observe/bus.ts";
import type {
  Deleted,
  DelegationRecord,
  HandoffRecord,
  NewMessage,
  PermissionRecord,
  RelayedMessage,
  SessionChange,
  SessionQuery,
  SessionRecord,
  Store,
  StoreHealth,
} from "./records.ts";
import {
  fromDelegation,
  fromHandoff,
  fromPermission,
  fromSession,
  textOf,
  toDelegation,
  toHandoff,
  toPermission,
  toSession,
} from "./rows.ts";
import { messagesIn, type Segment } from "./segment.ts";
import { leaveStoreFile, prepareStoreFile } from "./store-file.ts";
import { Tables, type NewRow } from "./tables.ts";
import { Unwritten } from "./unwritten.ts";

/** Longest time that messages and changes of sessions wait to be written, in milliseconds. */
export const writeDelayMs = 250;

/** Stretches of a transcript read at once. */
const stretchesAtOnce = 64;

/** Opens the store of a state folder. Never throws: see tables.ts for what happens instead. */
export function openStore(stateDirectory: string, bus: Bus): Store {
  const file = join(stateDirectory, "crucible.db");
  const warn = (message: string): void => bus.emit("warning", { where: "store", message });
  const tables = new Tables({
    prepareFile() {
      const aside = prepareStoreFile(file);
      if (aside)
        warn(`${file} could not be used (${aside.reason}); it is kept as ${aside.file}, and a new one was begun`);
      return file;
    },
    onLeft: () => leaveStoreFile(file),
    onHealth: ({ degradedSince, reason, lost }) =>
      warn(
        degradedSince === null
          ? `${file} is written again, and has what was kept in memory${lost > 0 ? `; ${lost} records were too many for that` : ""}`
          : `${file} cannot be written (${reason}); sessions and results are kept in memory only`,
      ),
  });
  return new SqliteStore(tables);
}

class SqliteStore implements Store {
  readonly #tables: Tables;
  readonly #messages: Unwritten;
  /** What has changed of sessions and is not written yet. */
  readonly #changes = new Map<string, SessionChange>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#messages = new Unwritten((id) => {
      const sql = "SELECT last FROM transcripts WHERE session_id = ? ORDER BY number DESC LIMIT 1";
      const [row] = tables.all(sql, [id]);
      return Number(row?.["last"] ?? 0);
    });
  }

  get health(): StoreHealth {
    return this.#tables.health;
  }

  saveSession(record: SessionRecord): void {
    this.#changes.delete(record.id);
    this.#tables.put([sessionRow(record)]);
  }

  updateSession(id: string, change: SessionChange): void {
    this.#changes.set(id, { ...this.#changes.get(id), ...change });
    if (change.endedAt === undefined || change.endedAt === null) return this.#writeSoon();
    this.#flush();
    this.#messages.forget(id);
  }

  findSession(id: string): SessionRecord | undefined {
    if (this.#changes.has(id)) this.#flush();
    return this.#storedSession(id);
  }

  findAgentSession(profile: string, agentSessionId: string): SessionRecord | undefined {
    this.#flush();
    const sql = "SELECT * FROM sessions WHERE profile = ? AND agent_session_id = ? ORDER BY created_at LIMIT 1";
    return this.#tables.all(sql, [profile, agentSessionId]).map(toSession)[0];
  }

  listSessions({ profile, cwd, isRoot, isOldestFirst, after, limit }: SessionQuery): SessionRecord[] {
    this.#flush();
    const conditions = ["1"];
    const values: unknown[] = [];
    const require = (condition: string, ...given: unknown[]): void => {
      conditions.push(condition);
      values.push(...given);
    };
    if (profile !== undefined) require("profile = ?", profile);
    if (cwd !== undefined) require("cwd = ?", cwd);
    if (isRoot !== undefined) require(`parent_id IS ${isRoot ? "" : "NOT "}NULL`);
    if (after) require(`(updated_at, id) ${isOldestFirst ? ">" : "<"} (?, ?)`, after.updatedAt, after.id);
    const order = isOldestFirst ? "updated_at, id" : "updated_at DESC, id DESC";
    const sql = `SELECT * FROM sessions WHERE ${conditions.join(" AND ")} ORDER BY ${order} LIMIT ?`;
    return this.#tables.all(sql, [...values, limit]).map(toSession);
  }

  childrenOf(sessionId: string): SessionRecord[] {
    this.#flush();
    const sql = "SELECT * FROM sessions WHERE parent_id = ? ORDER BY created_at, sequence";
    return this.#tables.all(sql, [sessionId]).map(toSession);
  }

  treeOf(id: string): SessionRecord[] {
    const root = this.findSession(id);
    const tree = new Map(root ? [[id, root]] : []);
    // It grows while it is gone through.
    for (const one of tree.values()) for (const child of this.childrenOf(one.id)) tree.set(child.id, child);
    return [...tree.values()];
  }

  deleteSession(id: string): Deleted {
    this.#flush();
    const sessionIds = [...new Set([id, ...this.treeOf(id).map((one) => one.id)])];
    const delegationIds = sessionIds.flatMap((one) => this.delegationNames(one).map((delegation) => delegation.id));
    this.#tables.delete([
      { table: "delegations", column: "caller_session_id", values: sessionIds },
      { table: "handoffs", column: "session_id", values: sessionIds },
      { table: "permissions", column: "session_id", values: sessionIds },
      { table: "transcripts", column: "session_id", values: sessionIds },
      { table: "sessions", column: "id", values: sessionIds },
    ]);
    for (const gone of sessionIds) this.#messages.forget(gone);
    return { sessionIds, delegationIds };
  }

  saveDelegation(record: DelegationRecord): void {
    this.#tables.put([delegationRow(record)]);
  }

  findDelegation(id: string): DelegationRecord | undefined {
    return this.#tables.all("SELECT * FROM delegations WHERE id = ?", [id]).map(toDelegation)[0];
  }

  delegationsOf(callerSessionId: string): DelegationRecord[] {
    const sql = "SELECT * FROM delegations WHERE caller_session_id = ? ORDER BY created_at, sequence";
    return this.#tables.all(sql, [callerSessionId]).map(toDelegation);
  }

  delegationNames(callerSessionId: string): { id: string; title: string }[] {
    const sql = "SELECT id, title FROM delegations WHERE caller_session_id = ? ORDER BY created_at, sequence";
    return this.#tables
      .all(sql, [callerSessionId])
      .map((row) => ({ id: String(row["id"]), title: textOf(row["title"]) }));
  }

  idsBeginning(prefix: string, limit: number): string[] {
    const range = [prefix, `${prefix}\u{10ffff}`];
    const sql = `SELECT id FROM sessions WHERE id >= ? AND id < ? UNION ALL
      SELECT id FROM delegations WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`;
    return this.#tables.all(sql, [...range, ...range, limit]).map((row) => String(row["id"]));
  }

  appendMessage(message: NewMessage): void {
    this.#messages.add(message);
    if (this.#messages.isFull) this.#flush();
    else this.#writeSoon();
  }

  messagesOf(sessionId: string, range: { after?: number; limit?: number } = {}): RelayedMessage[] {
    this.#flush();
    const { after = 0, limit = Number.POSITIVE_INFINITY } = range;
    const sql = `SELECT number, last, lines FROM transcripts WHERE session_id = ? AND last > ?
      ORDER BY number LIMIT ?`;
    // Each has a message at least: whoever wants to know of one need not read a megabyte.
    const atOnce = Math.min(stretchesAtOnce, limit);
    const messages: RelayedMessage[] = [];
    for (let readTo = after; messages.length < limit;) {
      const rows = this.#tables.all(sql, [sessionId, readTo, atOnce]);
      const read = rows.flatMap((row) =>
        messagesIn({ sessionId, first: Number(row["number"]), text: String(row["lines"]) }),
      );
      messages.push(...read.filter(({ number }) => number > after));
      if (rows.length < atOnce) break;
      readTo = Number(rows.at(-1)!["last"]);
    }
    return messages.slice(0, limit);
  }

  messagesNear(sessionId: string, text: string, after: number): RelayedMessage[] {
    this.#flush();
    // As it stands within JSON.
    const written = JSON.stringify(text).slice(1, -1);
    const sql = `SELECT number, lines FROM transcripts
      WHERE session_id = ? AND last > ? AND lines LIKE ? ESCAPE '\\' ORDER BY number LIMIT 1`;
    return this.#tables
      .all(sql, [sessionId, after, `%${written.replace(/[\\%_]/g, "\\$&")}%`])
      .flatMap((row) => messagesIn({ sessionId, first: Number(row["number"]), text: String(row["lines"]) }));
  }

  savePermission(record: PermissionRecord): void {
    this.#tables.put([{ table: "permissions", values: fromPermission(record) }]);
  }

  permissionsOf(sessionId: string): PermissionRecord[] {
    const sql = "SELECT * FROM permissions WHERE session_id = ? ORDER BY at, sequence";
    return this.#tables.all(sql, [sessionId]).map(toPermission);
  }

  saveHandoff(record: HandoffRecord): void {
    this.#tables.put([{ table: "handoffs", values: fromHandoff(record) }]);
  }

  handoffsOf(sessionId: string): HandoffRecord[] {
    return this.#tables.all("SELECT * FROM handoffs WHERE session_id = ? ORDER BY number", [sessionId]).map(toHandoff);
  }

  markLost(lost: (record: DelegationRecord) => DelegationRecord = (record) => record): number {
    const endedAt = Date.now();
    const sessions = this.#tables.all("SELECT * FROM sessions WHERE ended_at IS NULL").map(toSession);
    const endReason = "its daemon was gone before it had ended";
    const open = this.#tables.all("SELECT * FROM delegations WHERE status IN ('queued', 'running')").map(toDelegation);
    this.#tables.put([
      ...sessions.map((record) => sessionRow({ ...record, endedAt, endReason })),
      ...open.map((record) => delegationRow({ ...lost(record), endedAt, status: "lost" })),
    ]);
    return open.length;
  }

  bytes(): number {
    return this.#tables.bytes();
  }

  shrink(): boolean {
    return this.#tables.shrink();
  }

  writeMessages(sessionId: string): void {
    this.#tables.put(this.#messages.cut(sessionId).map(transcriptRow));
  }

  close(): void {
    this.#flush();
    this.#tables.close();
  }

  #storedSession(id: string): SessionRecord | undefined {
    return this.#tables.all("SELECT * FROM sessions WHERE id = ?", [id]).map(toSession)[0];
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => this.#flush(), writeDelayMs).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#messages.take().map(transcriptRow);
    for (const [id, change] of this.#changes) {
      const record = this.#storedSession(id);
      if (record) rows.push(sessionRow({ ...record, ...change }));
    }
    this.#changes.clear();
    this.#tables.put(rows);
  }
}

function transcriptRow(stretch: Segment): NewRow {
  return { table: "transcripts", values: [stretch.sessionId, stretch.first, stretch.last, stretch.text()] };
}

function sessionRow(record: SessionRecord): NewRow {
  return { table: "sessions", values: fromSession(record) };
}

function delegationRow(record: DelegationRecord): NewRow {
  return { table: "delegations", values: fromDelegation(record) };
}
