/** `crucible logs`: what the daemon wrote into its log, now or as it goes on. Needs no daemon. */
import { exitCodes, isSystemError } from "../../base/errors.ts";
import { daemonLogFile } from "../../base/paths.ts";
import { plainJson } from "../../base/text.ts";
import { folderUnusable } from "../../daemon/errors.ts";
import { logLevels, type LogEntry } from "../../observe/log-file.ts";
import { usageError } from "../errors.ts";
import { logText } from "../render/log-text.ts";
import { styleFor } from "../render/style.ts";
import { print, tell } from "../terminal.ts";

export interface LogsOptions {
  follow: boolean;
  lines: string | undefined;
  session: string | undefined;
  level: string | undefined;
  json: boolean;
}

/** Entries shown of those that are there, unless another number is given. */
const defaultLines = 100;

export async function logs({ follow, lines, session, level, json }: LogsOptions): Promise<number> {
  const { followLog, readLog } = await import("../../observe/log-file.ts");
  const file = daemonLogFile();
  const style = styleFor(process.stdout);
  const gone = new AbortController();
  process.stdout.once("error", () => gone.abort());
  let shown = 0;
  const reading = {
    lines: countOf(lines),
    level: logLevels.find((one) => one === level),
    id: session,
    onEntry(entry: LogEntry) {
      shown++;
      return print(json ? `${plainJson(entry.line)}\n` : logText(entry, style));
    },
  };
  try {
    await (follow ? followLog(file, reading, gone.signal) : readLog(file, reading));
  } catch (error) {
    if (!isSystemError(error, "EACCES", "EPERM")) throw error;
    throw folderUnusable.create(`the log cannot be read: ${error.message}`, {
      hint: "give yourself read access to it; it may be another user's",
      cause: error,
    });
  }
  if (shown === 0 && reading.lines > 0) await tell(`nothing of this kind is in ${file}\n`);
  return exitCodes.ok;
}

function countOf(text: string | undefined): number {
  if (text === undefined) return defaultLines;
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count)) return count;
  throw usageError.create(`expected --lines to be a whole number, got ${JSON.stringify(text)}`, {
    hint: "0 shows only what is written from now on, with --follow",
  });
}
