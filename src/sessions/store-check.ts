/** Looks whether a store is sound, without a daemon and without changing it. */
import Database from "libsql";
import { messageOf } from "../base/errors.ts";

/** What is wrong with the database file; undefined if nothing is. */
export function storeProblem(file: string): string | undefined {
  try {
    const database = new Database(file, { readonly: true });
    try {
      const [check] = database.prepare("PRAGMA quick_check(1)").all() as Record<string, unknown>[];
      const said = Object.values(check ?? {})[0];
      return said === "ok" ? undefined : `is damaged: ${String(said)}`;
    } finally {
      database.close();
    }
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}
