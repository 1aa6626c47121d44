/**
 * The journal of processes: one small file for each, in `<stateDirectory>/processes/`, written before it starts and removed
 * when its tree is gone. What a daemon that died leaves in it tells the next one what to end (reap.ts).
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isSystemError } from "../base/errors.ts";

export interface JournalRecord {
  /** Of the process; its tree carries it as marker. */
  readonly id: string;
  readonly label: string;
  /** What it was started in; records of earlier versions do not say. */
  readonly sandbox?: string;
  readonly daemon: { readonly pid: number; readonly startTime: number; readonly bootId: string };
  /** Absent until the process has started. `groupId`: of its process group, and of its session. */
  readonly process?: { readonly pid: number; readonly startTime: number; readonly groupId?: number };
}

export interface Journal {
  write(record: JournalRecord): Promise<void>;
  remove(id: string): Promise<void>;
  /** All records; `onGarbage` hears of files that are none, which stay where they are. */
  read(onGarbage: (file: string) => void): Promise<JournalRecord[]>;
}

const suffix = ".json";
const unfinishedSuffix = ".json.tmp";

export function createJournal(stateDirectory: string): Journal {
  const directory = join(stateDirectory, "processes");
  const fileOf = (id: string): string => join(directory, `${id}${suffix}`);
  const unfinishedFileOf = (id: string): string => join(directory, `${id}${unfinishedSuffix}`);

  async function readRecord(name: string): Promise<JournalRecord | "gone" | "garbage"> {
    try {
      const record: unknown = JSON.parse(await readFile(join(directory, name), "utf8"));
      return isRecord(record) && record.id === basename(name, suffix) ? record : "garbage";
    } catch (error) {
      return isSystemError(error, "ENOENT") ? "gone" : "garbage";
    }
  }

  return {
    async write(record) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // Never half a record: whoever reads it may have to end processes by it.
      await writeFile(unfinishedFileOf(record.id), JSON.stringify(record), { mode: 0o600 });
      await rename(unfinishedFileOf(record.id), fileOf(record.id));
    },
    async remove(id) {
      await rm(fileOf(id), { force: true });
      await rm(unfinishedFileOf(id), { force: true });
    },
    async read(onGarbage) {
      const records: JournalRecord[] = [];
      for (const name of await namesIn(directory)) {
        if (name.endsWith(unfinishedSuffix)) continue;
        const record = await readRecord(name);
        if (record === "garbage") onGarbage(join(directory, name));
        else if (record !== "gone") records.push(record);
      }
      return records;
    },
  };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
}

function isRecord(value: unknown): value is JournalRecord {
  if (!isObject(value) || typeof value["id"] !== "string" || typeof value["label"] !== "string") return false;
  const { daemon, process } = value;
  return isProcess(daemon) && typeof daemon["bootId"] === "string" && (process === undefined || isProcess(process));
}

function isProcess(value: unknown): value is Record<string, unknown> {
  return isObject(value) && Number.isSafeInteger(value["pid"]) && typeof value["startTime"] === "number";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
