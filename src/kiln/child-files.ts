/** The texts of files that Crucible reads and writes for a child, which has no editor (ACP, "File System"). */
import { CrucibleError } from "../base/errors.ts";
import { formatBytes } from "../base/text.ts";
import type { Kiln } from "../sessions/kiln.ts";
import type { Place } from "./boundary.ts";
import { fileNotFound, kilnDenied } from "./errors.ts";
import { countField, textField } from "./fields.ts";
import { openForReading, writeFile, type OpenedFile } from "./files.ts";

/** Largest file that is read through the protocol, in bytes. */
export const maxFileBytes = 32 * 1024 * 1024;

/** Largest file whose earlier text is told when it is written, in bytes. */
const maxToldBytes = 512 * 1024;

export interface Written {
  /** Absolute, as the agent gave it. */
  path: string;
  /** The text before; null if the file is new, undefined if it cannot be told: too large, or not to be read. */
  before: string | null | undefined;
  after: string;
}

/** Answers `fs/read_text_file` with the lines that are asked for. */
export async function readText(kiln: Kiln, place: Place, params: unknown): Promise<{ content: string }> {
  await using file = await openForReading(kiln, place);
  const { size } = file.stats;
  if (size > maxFileBytes) {
    throw kilnDenied.create(`${place.asked} has ${formatBytes(size)}, more than ${formatBytes(maxFileBytes)}`, {
      hint: "read it in parts with a command",
    });
  }
  const content = await textOf(file);
  return { content: excerpt(content, countField(params, "line"), countField(params, "limit")) };
}

/** Does what `fs/write_text_file` asks. */
export async function writeText(kiln: Kiln, place: Place, params: unknown): Promise<Written> {
  const text = textField(params, "content");
  const before = await earlierText(kiln, place);
  await writeFile({ kiln, place, text });
  return { path: place.asked, before, after: text };
}

async function earlierText(kiln: Kiln, place: Place): Promise<Written["before"]> {
  try {
    await using file = await openForReading(kiln, place);
    return file.stats.size > maxToldBytes ? undefined : await textOf(file);
  } catch (error) {
    if (fileNotFound.matches(error)) return null;
    // What may not be read may still be written; that is decided after this.
    if (error instanceof CrucibleError) return undefined;
    throw error;
  }
}

/** As much as there was when it was opened: a file that grows on and on ends somewhere. */
async function textOf({ handle, stats }: OpenedFile): Promise<string> {
  const bytes = Buffer.alloc(stats.size);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled);
    filled += bytesRead;
    if (bytesRead === 0 || filled === bytes.length) return bytes.toString("utf8", 0, filled);
  }
}

/** `limit` lines from `line` on, which counts from 1. */
function excerpt(content: string, line: number | undefined, limit: number | undefined): string {
  if (line === undefined && limit === undefined) return content;
  const start = Math.max(0, (line ?? 1) - 1);
  const lines = content.split("\n");
  return lines.slice(start, limit === undefined ? undefined : start + limit).join("\n");
}
