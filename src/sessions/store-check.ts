/** Looks whether a store is sound, without a daemon and without changing it. */
import Database from "libsql";
import { messageOf } from "../base/errors.ts";
import { LaterRelease, requireKnown } from "./migrations.ts";

export interface StoreProblem {
  /** The end of a sentence about the file. */
  readonly words: string;
  /** It is whole, and only a later release can use it. */
  readonly isLater: boolean;
}

/** What is wrong with the database file; undefined if nothing is. */
export function storeProblem(file: string): StoreProblem | undefined {
  try {
    const database = new Database(file, { readonly: true });
    try {
      const [check] = database.prepare("PRAGMA quick_check(1)").all() as Record<string, unknown>[];
      const said = Object.values(check ?? {})[0];
      if (said !== "ok") return { words: `is damaged: ${String(said)}`, isLater: false };
      requireKnown(database);
      return undefined;
    } finally {
      database.close();
    }
  } catch (error) {
    return { words: `cannot be used: ${messageOf(error)}`, isLater: error instanceof LaterRelease };
  }
}
