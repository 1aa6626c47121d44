/**
 * The log: JSON lines on stderr and in a file of the state folder that is rotated by size. Every line passes redaction here,
 * whoever wrote it, and nothing in it can command the terminal on which it is read. This is the only place that knows the
 * logging library.
 */
import { mkdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pino } from "pino";
import { createStream } from "rotating-file-stream";
import { redactText } from "../base/secrets.ts";
import { plainJson } from "../base/text.ts";
import type { LogLevel } from "../config/config.ts";
import { olderName } from "./log-file.ts";

/** Size at which the log file is rotated, in MiB. */
export const logFileMib = 10;

/** Older log files that are kept. */
export const oldLogFiles = 4;

export interface Log {
  /** The file written to now. */
  readonly file: string;
  write(level: LogLevel, message: string, fields?: Record<string, unknown>): void;
  setLevel(level: LogLevel): void;
  /** Writes out what is buffered. */
  close(): Promise<void>;
}

export interface LogOptions {
  level: LogLevel;
  /** Absolute; its folder is made. */
  file: string;
  /** Also write to stderr. */
  stderr: boolean;
}

/** A secret that was a bare number leaves a word that is no JSON. */
function quoted(line: string): string {
  return line.replaceAll(/(?<!\\)":\[redacted\](?=[,}\]])/g, '":"[redacted]"');
}

export function openLog(options: LogOptions): Log {
  mkdirSync(dirname(options.file), { recursive: true, mode: 0o700 });
  const name = basename(options.file);
  // By default older files are named by the minute, and the name of one that was taken away is given again within it.
  const nameAt = (at: number | Date | null, index = 1): string =>
    at instanceof Date ? olderName(name, at, index) : name;
  const rolling = createStream(nameAt, {
    path: dirname(options.file),
    size: `${logFileMib}M`,
    maxFiles: oldLogFiles,
    mode: 0o600,
  });
  // A full disk, or a reader of stderr that has gone, must not end the daemon; what cannot be written is gone.
  rolling.on("error", () => {});
  rolling.on("warning", () => {});
  const ignore = (): void => {};
  if (options.stderr) process.stderr.on("error", ignore);
  const destination = {
    write(line: string) {
      const safe = plainJson(quoted(redactText(line)));
      rolling.write(safe);
      if (options.stderr) process.stderr.write(safe);
    },
  };
  const logger = pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destination,
  );

  return {
    file: options.file,
    write: (level, message, fields = {}) => logger[level](fields, message),
    setLevel: (level) => void (logger.level = level),
    close: () =>
      new Promise((resolve) => {
        rolling.once("error", () => resolve());
        rolling.end(() => resolve());
      }),
  };
}
