/**
 * The shape of the database, as the steps that lead to it. Numbered by position: a database at version N has had the first N
 * applied. One that was released is never changed; what has to be different comes as a further one.
 */
import type Database from "libsql";

export const migrations: readonly string[] = [
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
  `ALTER TABLE sessions ADD COLUMN usage TEXT NOT NULL DEFAULT '{"tokens":null,"cost":null}';
   ALTER TABLE sessions ADD COLUMN ended_at INTEGER;
   ALTER TABLE sessions ADD COLUMN end_reason TEXT NOT NULL DEFAULT '';
   CREATE INDEX sessions_parent ON sessions (parent_id);
   CREATE INDEX sessions_updated ON sessions (updated_at);
   CREATE INDEX delegations_child ON delegations (child_session_id);
   CREATE TABLE transcripts (
     session_id TEXT NOT NULL, number INTEGER NOT NULL, last INTEGER NOT NULL, lines TEXT NOT NULL,
     PRIMARY KEY (session_id, number)) WITHOUT ROWID;
   CREATE TABLE permissions (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, at INTEGER NOT NULL, record TEXT NOT NULL);
   CREATE INDEX permissions_session ON permissions (session_id, at);`,
  `ALTER TABLE sessions ADD COLUMN sandbox TEXT;`,
];

/** A database that this release does not understand. */
export class LaterRelease extends Error {}

/** Brings a database to the present shape. Throws `LaterRelease` when a later release has written it. */
export function migrate(database: Database.Database): void {
  const version = requireKnown(database);
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN; ${migration} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}

/** The shape that a database has. Throws `LaterRelease`. */
export function requireKnown(database: Database.Database): number {
  const [row] = database.prepare("PRAGMA user_version").all() as Record<string, unknown>[];
  const version = Number(row?.["user_version"] ?? 0);
  if (version <= migrations.length) return version;
  throw new LaterRelease(`it was written by a later release (schema ${version}, this one knows ${migrations.length})`);
}
