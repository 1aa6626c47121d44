/**
 * The store in SQLite (state folder, `crucible.db`): sessions, their lineage and transcripts, delegations and their whole
 * results, permission decisions. Nothing outside this file and its migrations knows SQL. A damaged file is set aside, never
 * deleted; where nothing can be written the store lives in memory and says so.
 */
import { chmodSync, renameSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { messageOf } from "../base/errors.ts";
import type { Bus } from "../observe/bus.ts";
import { migrate } from "./migrations.ts";
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
} from "./records.ts";
import {
  fromDelegation,
  fromHandoff,
  fromPermission,
  fromSession,
  toDelegation,
  toHandoff,
  toPermission,
  toSession,
  type Row,
} from "./rows.ts";
import { messagesIn, type Segment } from "./segment.ts";
import { Unwritten } from "./unwritten.ts";

/** Opens the store of a state folder. Never throws: see the header for what happens instead. */
export function openStore(stateDirectory: string, bus: Bus): Store {
  return new SqliteStore(openDatabase(join(stateDirectory, "crucible.db"), bus), bus);
}

function openDatabase(file: string, bus: Bus): Database.Database {
  try {
    const database = prepared(new Database(file));
    // Results may hold what is nobody else's business.
    chmodSync(file, 0o600);
    return database;
  } catch (error) {
    const aside = `${file}.damaged-${Date.now()}`;
    try {
      renameSync(file, aside);
      const fresh = prepared(new Database(file));
      warn(bus, `${file} could not be used (${messageOf(error)}); it is kept as ${aside}, and a new one was begun`);
      return fresh;
    } catch (again) {
      warn(bus, `${file} cannot be written (${messageOf(again)}); sessions and results are kept in memory only`);
      return prepared(new Database(":memory:"));
    }
  }
}

function prepared(database: Database.Database): Database.Database {
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;");
  const [check] = database.pragma("quick_check") as Row[];
  if (check && !Object.values(check).includes("ok")) throw new Error(`integrity check: ${JSON.stringify(check)}`);
  migrate(database);
  return database;
}

function warn(bus: Bus, message: string): void {
  bus.emit("warning", { where: "store", message });
}

const tree = `WITH RECURSIVE tree (id) AS (
  SELECT ? UNION SELECT sessions.id FROM sessions JOIN tree ON sessions.parent_id = tree.id)`;

class SqliteStore implements Store {
  readonly #database: Database.Database;
  readonly #bus: Bus;
  readonly #unwritten: Unwritten;

  constructor(database: Database.Database, bus: Bus) {
    this.#database = database;
    this.#bus = bus;
    this.#unwritten = new Unwritten({
      lastNumber: (id) =>
        Number(this.#one("SELECT max(last) AS last FROM transcripts WHERE session_id = ?", [id])?.["last"]),
      write: (segments) => this.#writeSegments(segments),
    });
  }

  saveSession(record: SessionRecord): void {
    this.#write("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", fromSession(record));
  }

  updateSession(id: string, change: SessionChange): void {
    const record = this.findSession(id);
    if (record) this.saveSession({ ...record, ...change });
    if (change.endedAt) this.#unwritten.ended(id);
  }

  findSession(id: string): SessionRecord | undefined {
    return this.#all("SELECT * FROM sessions WHERE id = ?", [id]).map(toSession)[0];
  }

  findAgentSession(profile: string, agentSessionId: string): SessionRecord | undefined {
    const sql = "SELECT * FROM sessions WHERE profile = ? AND agent_session_id = ? ORDER BY created_at LIMIT 1";
    return this.#all(sql, [profile, agentSessionId]).map(toSession)[0];
  }

  listSessions({ profile, cwd, isRoot, after, limit }: SessionQuery): SessionRecord[] {
    const last = after === undefined ? undefined : this.findSession(after);
    const wanted: [sql: string, ...values: unknown[]][] = [
      ...(profile === undefined ? [] : [["profile = ?", profile] as [string, unknown]]),
      ...(cwd === undefined ? [] : [["cwd = ?", cwd] as [string, unknown]]),
      ...(isRoot === undefined ? [] : [[`parent_id IS ${isRoot ? "" : "NOT "}NULL`] as [string]]),
      ...(last === undefined
        ? []
        : [["(updated_at, id) < (?, ?)", last.updatedAt, last.id] as [string, unknown, unknown]]),
    ];
    const where = wanted.length === 0 ? "" : `WHERE ${wanted.map(([sql]) => sql).join(" AND ")}`;
    const values = [...wanted.flatMap(([, ...given]) => given), limit];
    return this.#all(`SELECT * FROM sessions ${where} ORDER BY updated_at DESC, id DESC LIMIT ?`, values).map(
      toSession,
    );
  }

  childrenOf(sessionId: string): SessionRecord[] {
    return this.#all("SELECT * FROM sessions WHERE parent_id = ? ORDER BY created_at, rowid", [sessionId]).map(
      toSession,
    );
  }

  deleteSession(id: string): Deleted {
    this.#unwritten.flush();
    const sessionIds = this.#ids(`${tree} SELECT id FROM tree`, id);
    const callers = `IN (${tree} SELECT id FROM tree)`;
    const delegationIds = this.#ids(`SELECT id FROM delegations WHERE caller_session_id ${callers}`, id);
    for (const [table, column] of [
      ["delegations", "caller_session_id"],
      ["handoffs", "session_id"],
      ["permissions", "session_id"],
      ["transcripts", "session_id"],
      ["sessions", "id"],
    ]) {
      this.#write(`DELETE FROM ${table} WHERE ${column} ${callers}`, [id]);
    }
    for (const gone of sessionIds) this.#unwritten.ended(gone);
    return { sessionIds, delegationIds };
  }

  saveDelegation(record: DelegationRecord): void {
    const sql = "INSERT OR REPLACE INTO delegations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    this.#write(sql, fromDelegation(record));
  }

  findDelegation(id: string): DelegationRecord | undefined {
    return this.#all("SELECT * FROM delegations WHERE id = ?", [id]).map(toDelegation)[0];
  }

  delegationsOf(callerSessionId: string): DelegationRecord[] {
    const sql = "SELECT * FROM delegations WHERE caller_session_id = ? ORDER BY created_at, rowid";
    return this.#all(sql, [callerSessionId]).map(toDelegation);
  }

  delegationsTo(childSessionId: string): DelegationRecord[] {
    const sql = "SELECT * FROM delegations WHERE child_session_id = ? ORDER BY created_at, rowid";
    return this.#all(sql, [childSessionId]).map(toDelegation);
  }

  idsBeginning(prefix: string, limit: number): string[] {
    // Ids are of plain letters and digits, so that what follows the prefix sorts before this.
    const range = [prefix, `${prefix}\u{10ffff}`];
    const sql = `SELECT id FROM sessions WHERE id >= ? AND id < ? UNION ALL
      SELECT id FROM delegations WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`;
    return this.#ids(sql, ...range, ...range, limit);
  }

  appendMessage(message: NewMessage): void {
    this.#unwritten.add(message);
  }

  messagesOf(sessionId: string, range: { after?: number; limit?: number } = {}): RelayedMessage[] {
    this.#unwritten.flush();
    const { after = 0, limit = Number.POSITIVE_INFINITY } = range;
    const sql = "SELECT number, lines FROM transcripts WHERE session_id = ? AND last > ? ORDER BY number";
    const messages: RelayedMessage[] = [];
    for (const row of this.#database.prepare(sql).iterate(sessionId, after) as Iterable<Row>) {
      const segment = { sessionId, first: Number(row["number"]), text: String(row["lines"]) };
      messages.push(...messagesIn(segment).filter(({ number }) => number > after));
      if (messages.length >= limit) break;
    }
    return messages.slice(0, limit);
  }

  savePermission(record: PermissionRecord): void {
    this.#write("INSERT OR REPLACE INTO permissions VALUES (?, ?, ?, ?)", fromPermission(record));
  }

  permissionsOf(sessionId: string): PermissionRecord[] {
    const sql = "SELECT * FROM permissions WHERE session_id = ? ORDER BY at, rowid";
    return this.#all(sql, [sessionId]).map(toPermission);
  }

  saveHandoff(record: HandoffRecord): void {
    this.#write("INSERT OR REPLACE INTO handoffs VALUES (?, ?, ?, ?, ?, ?)", fromHandoff(record));
  }

  handoffsOf(sessionId: string): HandoffRecord[] {
    return this.#all("SELECT * FROM handoffs WHERE session_id = ? ORDER BY number", [sessionId]).map(toHandoff);
  }

  markLost(): number {
    const now = Date.now();
    this.#write("UPDATE sessions SET ended_at = ?, end_reason = ? WHERE ended_at IS NULL", [
      now,
      "its daemon was gone before it had ended",
    ]);
    const statement = this.#database.prepare(
      "UPDATE delegations SET status = 'lost', ended_at = ? WHERE status IN ('queued', 'running')",
    );
    return statement.run(now).changes;
  }

  close(): void {
    this.#unwritten.flush();
    this.#database.close();
  }

  #writeSegments(segments: readonly Segment[]): void {
    const statement = this.#database.prepare("INSERT OR REPLACE INTO transcripts VALUES (?, ?, ?, ?)");
    try {
      this.#database.exec("BEGIN");
      for (const segment of segments) statement.run(segment.sessionId, segment.first, segment.last, segment.text());
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
      warn(this.#bus, `could not be written (${messageOf(error)}); this will be missing after a restart`);
    }
  }

  #one(sql: string, values: unknown[]): Row | undefined {
    return this.#database.prepare(sql).get(...values) as Row | undefined;
  }

  #all(sql: string, values: unknown[]): Row[] {
    return this.#database.prepare(sql).all(...values) as Row[];
  }

  #ids(sql: string, ...values: unknown[]): string[] {
    return this.#all(sql, values).map((row) => String(row["id"]));
  }

  // A full disk must not take a running conversation with it; the warning says what will be missing.
  #write(sql: string, values: unknown[]): void {
    try {
      this.#database.prepare(sql).run(...values);
    } catch (error) {
      warn(this.#bus, `could not be written (${messageOf(error)}); this will be missing after a restart`);
    }
  }
}
