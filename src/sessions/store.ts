/**
 * The store in SQLite (state folder, `crucible.db`): sessions, their lineage, delegations and their whole results. Nothing
 * outside this file knows SQL. A damaged file is set aside, never deleted; where nothing can be written the store lives in
 * memory and says so.
 */
import { chmodSync, renameSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { messageOf } from "../base/errors.ts";
import type { Bus } from "../observe/bus.ts";
import type { DelegationRecord, HandoffRecord, SessionRecord, Store } from "./records.ts";

type Row = Record<string, unknown>;

/** Numbered by position: a database at version N has had the first N applied. Never change one that was released. */
const migrations = [
  `CREATE TABLE sessions (
     id TEXT PRIMARY KEY, origin TEXT NOT NULL, profile TEXT NOT NULL, agent_session_id TEXT, parent_id TEXT,
     cwd TEXT NOT NULL, additional_directories TEXT NOT NULL, title TEXT NOT NULL,
     created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
   CREATE INDEX sessions_agent ON sessions (profile, agent_session_id);
   CREATE TABLE delegations (
     id TEXT PRIMARY KEY, caller_session_id TEXT NOT NULL, child_session_id TEXT, agent TEXT NOT NULL,
     title BLOB NOT NULL, task BLOB NOT NULL, status TEXT NOT NULL, result BLOB NOT NULL, stop_reason TEXT,
     error TEXT, tried TEXT NOT NULL, artifacts TEXT NOT NULL, usage TEXT NOT NULL, created_at INTEGER NOT NULL, ended_at INTEGER);
   CREATE INDEX delegations_caller ON delegations (caller_session_id, created_at);`,
  `CREATE TABLE handoffs (
     session_id TEXT NOT NULL, number INTEGER NOT NULL, from_agent TEXT NOT NULL, agent TEXT NOT NULL,
     began_at INTEGER NOT NULL, ended_at INTEGER, PRIMARY KEY (session_id, number));`,
  `ALTER TABLE delegations ADD COLUMN notes TEXT NOT NULL DEFAULT '[]';`,
];

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
  const [row] = database.pragma("user_version") as Row[];
  const version = Number(row?.["user_version"] ?? 0);
  if (version > migrations.length) {
    throw new Error(`it was written by a later release (schema ${version}, this one knows ${migrations.length})`);
  }
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN; ${migration} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
  return database;
}

function warn(bus: Bus, message: string): void {
  bus.emit("warning", { where: "store", message });
}

class SqliteStore implements Store {
  readonly #database: Database.Database;
  readonly #bus: Bus;

  constructor(database: Database.Database, bus: Bus) {
    this.#database = database;
    this.#bus = bus;
  }

  saveSession(record: SessionRecord): void {
    this.#write("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      record.id,
      record.origin,
      record.profile,
      record.agentSessionId,
      record.parentId,
      record.cwd,
      JSON.stringify(record.additionalDirectories),
      record.title,
      record.createdAt,
      record.updatedAt,
    ]);
  }

  findSession(id: string): SessionRecord | undefined {
    return toSession(this.#one("SELECT * FROM sessions WHERE id = ?", [id]));
  }

  findAgentSession(profile: string, agentSessionId: string): SessionRecord | undefined {
    const sql = "SELECT * FROM sessions WHERE profile = ? AND agent_session_id = ? ORDER BY created_at LIMIT 1";
    return toSession(this.#one(sql, [profile, agentSessionId]));
  }

  deleteSession(id: string): void {
    this.#write("DELETE FROM sessions WHERE id = ?", [id]);
    this.#write("DELETE FROM handoffs WHERE session_id = ?", [id]);
  }

  saveDelegation(record: DelegationRecord): void {
    this.#write("INSERT OR REPLACE INTO delegations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
      record.id,
      record.callerSessionId,
      record.childSessionId,
      record.agent,
      Buffer.from(record.title),
      Buffer.from(record.task),
      record.status,
      Buffer.from(record.result),
      record.stopReason,
      record.error && JSON.stringify(record.error),
      JSON.stringify(record.tried),
      JSON.stringify(record.artifacts),
      JSON.stringify(record.usage),
      record.createdAt,
      record.endedAt,
      JSON.stringify(record.notes),
    ]);
  }

  findDelegation(id: string): DelegationRecord | undefined {
    return toDelegation(this.#one("SELECT * FROM delegations WHERE id = ?", [id]));
  }

  delegationsOf(callerSessionId: string): DelegationRecord[] {
    const sql = "SELECT * FROM delegations WHERE caller_session_id = ? ORDER BY created_at, rowid";
    const rows = this.#database.prepare(sql).all(callerSessionId) as Row[];
    return rows.map((row) => toDelegation(row)!);
  }

  saveHandoff({ sessionId, number, from, agent, beganAt, endedAt }: HandoffRecord): void {
    const values = [sessionId, number, from, agent, beganAt, endedAt];
    this.#write("INSERT OR REPLACE INTO handoffs VALUES (?, ?, ?, ?, ?, ?)", values);
  }

  handoffsOf(sessionId: string): HandoffRecord[] {
    const sql = "SELECT * FROM handoffs WHERE session_id = ? ORDER BY number";
    const rows = this.#database.prepare(sql).all(sessionId) as Row[];
    return rows.map((row) => ({
      sessionId,
      number: Number(row["number"]),
      from: String(row["from_agent"]),
      agent: String(row["agent"]),
      beganAt: Number(row["began_at"]),
      endedAt: row["ended_at"] as number | null,
    }));
  }

  markLost(): number {
    const statement = this.#database.prepare(
      "UPDATE delegations SET status = 'lost', ended_at = ? WHERE status IN ('queued', 'running')",
    );
    return statement.run(Date.now()).changes;
  }

  close(): void {
    this.#database.close();
  }

  #one(sql: string, values: unknown[]): Row | undefined {
    return this.#database.prepare(sql).get(...values) as Row | undefined;
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

function toSession(row: Row | undefined): SessionRecord | undefined {
  if (!row) return undefined;
  return {
    id: String(row["id"]),
    origin: row["origin"] as SessionRecord["origin"],
    profile: String(row["profile"]),
    agentSessionId: row["agent_session_id"] as string | null,
    parentId: row["parent_id"] as string | null,
    cwd: String(row["cwd"]),
    additionalDirectories: JSON.parse(String(row["additional_directories"])) as string[],
    title: String(row["title"]),
    createdAt: Number(row["created_at"]),
    updatedAt: Number(row["updated_at"]),
  };
}

// Text with a NUL in it would be cut there; as bytes it is not.
function textOf(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString("utf8");
}

function toDelegation(row: Row | undefined): DelegationRecord | undefined {
  if (!row) return undefined;
  return {
    id: String(row["id"]),
    callerSessionId: String(row["caller_session_id"]),
    childSessionId: row["child_session_id"] as string | null,
    agent: String(row["agent"]),
    title: textOf(row["title"]),
    task: textOf(row["task"]),
    status: row["status"] as DelegationRecord["status"],
    result: textOf(row["result"]),
    stopReason: row["stop_reason"] as string | null,
    error: typeof row["error"] === "string" ? (JSON.parse(row["error"]) as DelegationRecord["error"]) : null,
    tried: JSON.parse(String(row["tried"])) as DelegationRecord["tried"],
    notes: JSON.parse(String(row["notes"])) as DelegationRecord["notes"],
    artifacts: JSON.parse(String(row["artifacts"])) as DelegationRecord["artifacts"],
    usage: JSON.parse(String(row["usage"])) as DelegationRecord["usage"],
    createdAt: Number(row["created_at"]),
    endedAt: row["ended_at"] as number | null,
  };
}
