/**
 * The tables of the store over two places: the file, and memory for what the file does not take. Readers see both as one.
 *
 * States: kept ⇄ degraded. Everything is written to the file. When that fails (a full disk, a folder that cannot be written)
 * it is degraded: all further writes go to memory, bounded, until the file takes them; that is tried every few seconds, and
 * then what is in memory goes over. Reading never throws: what cannot be read counts as absent, and the state says why.
 */
import Database from "libsql";
import { messageOf } from "../base/errors.ts";
import { storeUnwritable } from "./errors.ts";
import { migrate } from "./migrations.ts";
import type { StoreHealth } from "./records.ts";
import type { Row } from "./rows.ts";
import { droppedNote } from "./segment.ts";

/** What is kept in memory while the file cannot be written, in bytes; then the oldest messages of transcripts go first. */
export const maxUnsavedBytes = 64 * 1024 * 1024;

/** Time between two attempts to write to the file again, in milliseconds. */
export const storeRetryMs = 10_000;

/** Length of the file's log at which it is taken into the file; all that is relayed waits for the disk meanwhile. */
const logBytes = 8 * 1024 * 1024;

const pageBytes = 4096;
const stretchesDroppedAtOnce = 64;
const longestNote = 200;
const pagesFreedAtOnce = 2000;

/** The tables and what makes a row one of its kind. */
const keys = {
  sessions: ["id"],
  delegations: ["id"],
  handoffs: ["session_id", "number"],
  permissions: ["id"],
  transcripts: ["session_id", "number"],
} as const;

export type Table = keyof typeof keys;

const tables = Object.keys(keys) as Table[];

/** A row with all its columns, in their order. */
export interface NewRow {
  table: Table;
  values: readonly unknown[];
}

export interface TablesOptions {
  /** Readies the file for use and gives its path; throws if it cannot be used now. */
  prepareFile: () => string;
  /** The file was closed, with all that was to be written in it. */
  onLeft: () => void;
  /** Hears once when it is degraded and once when it no longer is. */
  onHealth: (health: StoreHealth) => void;
}

export class Tables {
  readonly #options: TablesOptions;
  readonly #database = new Database(":memory:");
  readonly #statements = new Map<string, Database.Statement>();
  #isAttached = false;
  #file = "";
  #health: StoreHealth = { degradedSince: null, reason: null, lost: 0 };
  #retry: NodeJS.Timeout | undefined;

  constructor(options: TablesOptions) {
    this.#options = options;
    migrate(this.#database);
    this.#database.exec(`PRAGMA temp_store = MEMORY; PRAGMA main.max_page_count = ${maxUnsavedBytes / pageBytes};`);
    this.#show((table) => `SELECT ${columns(table)} FROM main.${table}`);
    try {
      this.#attach();
    } catch (error) {
      this.#degrade(error);
    }
  }

  get health(): StoreHealth {
    return this.#health;
  }

  /** All rows of a SELECT, which names the tables as if there were one place; the order of writing is `sequence`. */
  all(sql: string, values: readonly unknown[] = []): Row[] {
    try {
      return this.#statement(sql).all(...values) as Row[];
    } catch (error) {
      this.#degrade(error);
      return [];
    }
  }

  /** Writes rows, all or none of them, in place of those of the same key. */
  put(rows: readonly NewRow[]): void {
    if (rows.length === 0) return;
    if (this.#health.degradedSince === null) {
      try {
        return this.#putIn("kept", rows);
      } catch (error) {
        this.#degrade(error);
      }
    }
    this.#putInMemory(rows);
  }

  /** Deletes rows by the values of a column. Throws CRU_STORE_UNWRITABLE when the file does not let go of them. */
  delete(conditions: readonly { table: Table; column: string; values: readonly string[] }[]): void {
    try {
      this.#transaction("BEGIN IMMEDIATE", () => {
        for (const { table, column, values } of conditions) {
          for (const place of this.#isAttached ? ["kept", "main"] : ["main"]) {
            const statement = this.#database.prepare(`DELETE FROM ${place}.${table} WHERE ${column} = ?`);
            for (const value of values) statement.run(value);
          }
        }
      });
    } catch (cause) {
      throw storeUnwritable.create(`nothing was deleted: the store cannot be written (${messageOf(cause)})`, {
        hint: "free space on its disk, or make its folder writable",
        cause,
      });
    }
  }

  /** What stands in the file and in memory, in bytes. */
  bytes(): number {
    const places = this.#isAttached ? ["kept", "main"] : ["main"];
    const figure = (place: string, name: string): number => Number(this.all(`PRAGMA ${place}.${name}`)[0]?.[name] ?? 0);
    const sizes = places.map(
      (place) => (figure(place, "page_count") - figure(place, "freelist_count")) * figure(place, "page_size"),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Gives some free pages of the file back to the disk. True when none are left, or when that cannot be done now. */
  shrink(): boolean {
    if (!this.#isAttached || this.#health.degradedSince !== null) return true;
    // A connection of its own: one that has read from the file may not write its log into it.
    const database = new Database(this.#file);
    try {
      database.exec(
        `PRAGMA busy_timeout = 2000; PRAGMA incremental_vacuum(${pagesFreedAtOnce}); PRAGMA wal_checkpoint(TRUNCATE);`,
      );
      const [row] = database.prepare("PRAGMA freelist_count").all() as Row[];
      return Number(row?.["freelist_count"]) === 0;
    } catch {
      // Somebody else writes; the next time is early enough.
      return true;
    } finally {
      database.close();
    }
  }

  /** Last attempt to have the file take what is in memory; what it does not take is gone. */
  close(): void {
    clearTimeout(this.#retry);
    if (this.#health.degradedSince !== null) this.#recover();
    clearTimeout(this.#retry);
    this.#statements.clear();
    this.#database.close();
    if (this.#isAttached && this.#health.degradedSince === null) this.#options.onLeft();
  }

  #statement(sql: string): Database.Statement {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #putIn(place: "kept" | "main", rows: readonly NewRow[]): void {
    this.#transaction(place === "main" ? "BEGIN" : "BEGIN IMMEDIATE", () => {
      for (const { table, values } of rows) {
        const marks = values.map(() => "?").join(", ");
        this.#statement(`INSERT OR REPLACE INTO ${place}.${table} VALUES (${marks})`).run(...values);
      }
    });
  }

  #putInMemory(rows: readonly NewRow[]): void {
    for (;;) {
      try {
        return this.#putIn("main", rows);
      } catch {
        // What people asked agents for counts more than what was said on the way.
        if (this.#dropStretches()) continue;
        this.#health = { ...this.#health, lost: this.#health.lost + rows.length };
        return;
      }
    }
  }

  /** Puts a short note in the place of the first stretches of transcripts in memory. False if there are none left. */
  #dropStretches(): boolean {
    const sql = `SELECT session_id, number, last, length(lines) AS bytes FROM main.transcripts
      WHERE bytes > ${longestNote} ORDER BY number LIMIT ${stretchesDroppedAtOnce}`;
    const rows = this.#database.prepare(sql).all() as Row[];
    const shorten = this.#database.prepare("UPDATE main.transcripts SET lines = ? WHERE session_id = ? AND number = ?");
    for (const { session_id: sessionId, number, last, bytes } of rows) {
      const messages = Number(last) - Number(number) + 1;
      shorten.run(droppedNote({ messages, bytes: Number(bytes) }), sessionId, number);
      this.#health = { ...this.#health, lost: this.#health.lost + messages };
    }
    return rows.length > 0;
  }

  #attach(): void {
    this.#file = this.#options.prepareFile();
    this.#database.prepare("ATTACH ? AS kept").run(this.#file);
    this.#isAttached = true;
    this.#database.exec(
      `PRAGMA kept.synchronous = NORMAL; PRAGMA busy_timeout = 2000; PRAGMA wal_autocheckpoint = ${logBytes / pageBytes};`,
    );
    this.#show((table) => {
      const same = keys[table].map((column) => `unsaved.${column} = saved.${column}`).join(" AND ");
      return `SELECT ${columns(table)} FROM main.${table} UNION ALL SELECT ${columns(table)} FROM kept.${table} AS saved
        WHERE NOT EXISTS (SELECT 1 FROM main.${table} AS unsaved WHERE ${same})`;
    });
  }

  /** Lets the plain names of the tables stand for what `select` gives of each. */
  #show(select: (table: Table) => string): void {
    this.#statements.clear();
    for (const table of tables) {
      this.#database.exec(`DROP VIEW IF EXISTS temp.${table}; CREATE TEMP VIEW ${table} AS ${select(table)};`);
    }
  }

  #degrade(error: unknown): void {
    this.#scheduleRetry();
    if (this.#health.degradedSince !== null) return;
    this.#health = { ...this.#health, degradedSince: Date.now(), reason: messageOf(error) };
    this.#options.onHealth(this.#health);
  }

  #scheduleRetry(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#recover();
    }, storeRetryMs).unref();
  }

  #recover(): void {
    try {
      if (!this.#isAttached) this.#attach();
      // One after the other, the largest last: what fits is safe, whatever becomes of the rest.
      for (const table of tables) {
        this.#transaction("BEGIN IMMEDIATE", () => {
          this.#database.exec(`INSERT OR REPLACE INTO kept.${table} SELECT * FROM main.${table}`);
          this.#database.exec(`DELETE FROM main.${table}`);
        });
      }
    } catch {
      // The reason it was degraded for stands in its health.
      return this.#scheduleRetry();
    }
    this.#health = { ...this.#health, degradedSince: null, reason: null };
    this.#options.onHealth(this.#health);
  }

  // A lock that cannot be had has to show here: a statement that failed for want of it would hold up the next transaction.
  #transaction(begin: "BEGIN" | "BEGIN IMMEDIATE", act: () => void): void {
    this.#database.exec(begin);
    try {
      act();
      this.#database.exec("COMMIT");
    } catch (error) {
      // A full disk may have ended it already.
      if (this.#database.inTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

function columns(table: Table): string {
  // A table whose rows have no numbers of their own is read by its key.
  return table === "transcripts" ? "*" : "rowid AS sequence, *";
}
