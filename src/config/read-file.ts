/** Reads the text of a configuration file, and refuses what cannot be one. */
import { readFileSync, statSync } from "node:fs";
import { formatBytes } from "../base/text.ts";
import { configUnreadable } from "./errors.ts";
import { systemReason } from "./locate.ts";
import type { CrucibleError } from "../base/errors.ts";

/** Largest configuration file, in bytes. */
export const maxConfigBytes = 1024 * 1024;

/** The text without a byte order mark. Throws CRU_CONFIG_UNREADABLE. */
export function readConfigText(file: string): string {
  const bytes = readBytes(file);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(file, { reason: "it is not UTF-8 text", hint: "Save the file as UTF-8", cause: error });
  }
}

function readBytes(file: string): Buffer {
  try {
    const facts = statSync(file);
    if (facts.isDirectory()) throw unreadable(file, { reason: "it is a directory", hint: "Name the file itself" });
    // A pipe or a device could block for ever; the daemon reads this file while it serves others.
    if (!facts.isFile()) throw unreadable(file, { reason: "it is not a regular file", hint: "Name a regular file" });
    if (facts.size > maxConfigBytes) {
      throw unreadable(file, {
        reason: `it has ${formatBytes(facts.size)}, and at most ${formatBytes(maxConfigBytes)} are read`,
        hint: "Check that this is the configuration file; move long texts elsewhere",
      });
    }
    return readFileSync(file);
  } catch (error) {
    if (configUnreadable.matches(error)) throw error;
    throw unreadable(file, { reason: systemReason(error), hint: "Give yourself read access to it", cause: error });
  }
}

function unreadable(file: string, facts: { reason: string; hint: string; cause?: unknown }): CrucibleError {
  const { reason, ...options } = facts;
  return configUnreadable.create(`cannot read the configuration file ${file}: ${reason}`, {
    ...options,
    details: { file },
  });
}
