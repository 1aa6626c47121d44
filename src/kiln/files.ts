/**
 * Reads and writes files at places the gate has decided upon, and nowhere else, whatever is swapped meanwhile: from the kiln's
 * own directory down no link is followed, and what was opened is decided upon again. Only ordinary files are touched.
 */
import { constants, type Stats } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, relative } from "node:path";
import { isSystemError } from "../base/errors.ts";
import { newToken } from "../base/ids.ts";
import type { Kiln } from "../sessions/kiln.ts";
import { requireStillIn, type Place } from "./boundary.ts";
import { explained, kilnDenied, notAFile, notFound, swapped } from "./errors.ts";
import { enterFolder, enterOrMake, type EnterFolder, type Folder } from "./folder.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** How often a file that appears and vanishes is tried to be written. */
const maxAttempts = 10;

export interface OpenedFile extends AsyncDisposable {
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/** How folders are entered; another way only where a test wants to see it. */
interface Ways {
  enter?: EnterFolder;
}

/** Opens an existing file. Rejects with CRU_FILE_NOT_FOUND, CRU_KILN_OUTSIDE, CRU_KILN_DENIED or CRU_FILE_FAILED. */
export function openForReading(kiln: Kiln, place: Place, { enter = enterFolder }: Ways = {}): Promise<OpenedFile> {
  return explainingFailures(place, async () => {
    try {
      await using folder = await folderOf(place, enter, (above, name) => above.enter(name));
      return await openIn(folder, { kiln, place, flags: O_RDONLY });
    } catch (error) {
      // A file, or by now a link, where a folder would have to be: then there is nothing behind it.
      throw isSystemError(error, "ENOENT", "ENOTDIR") ? notFound(place.asked, error) : error;
    }
  });
}

/**
 * Writes a whole file; makes it, and the folders above it, where they do not exist. A file that has other names as well is
 * replaced by one of its own, so that what lies under those names stays as it was. Rejects as `openForReading`.
 */
export async function writeFile(
  { kiln, place, text }: { kiln: Kiln; place: Place; text: string },
  { enter = enterFolder }: Ways = {},
): Promise<void> {
  if (kiln.readOnly) throw mayOnlyRead(place);
  return explainingFailures(place, async () => {
    await using folder = await folderOf(place, enter, enterOrMake);
    await using file = await openOrMake(folder, { kiln, place });
    if (file.stats.nlink > 1) return await replace(folder, { place, text, mode: file.stats.mode });
    await file.handle.truncate(0);
    await file.handle.writeFile(text, "utf8");
  });
}

/** The folder that holds the place, reached step by step from the kiln's. */
async function folderOf(place: Place, enter: EnterFolder, step: typeof enterOrMake): Promise<Folder> {
  // A file that is itself named in the configuration is reached from the folder it stands in.
  const root = place.path === place.root ? dirname(place.root) : place.root;
  let folder = await enter(root);
  for (const name of relative(root, dirname(place.path)).split("/").filter(Boolean)) {
    await using above = folder;
    folder = await step(above, name);
  }
  return folder;
}

interface Opening {
  kiln: Kiln;
  place: Place;
  flags: number;
}

async function openIn(folder: Folder, { kiln, place, flags }: Opening): Promise<OpenedFile> {
  const name = basename(place.path);
  // Neither a link is followed nor a FIFO waited for.
  const handle = await open(folder.pathOf(name), flags | O_NOFOLLOW | O_NONBLOCK, 0o666);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw notAFile(place.asked);
    requireStillIn(kiln, place, await folder.locate(name, handle));
    return { handle, stats, [Symbol.asyncDispose]: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openOrMake(folder: Folder, { kiln, place }: Omit<Opening, "flags">): Promise<OpenedFile> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openIn(folder, { kiln, place, flags: O_WRONLY });
    } catch (error) {
      if (!isSystemError(error, "ENOENT")) throw error;
    }
    try {
      return await openIn(folder, { kiln, place, flags: O_WRONLY | O_CREAT | O_EXCL });
    } catch (error) {
      if (!isSystemError(error, "EEXIST")) throw error;
      if (attempt === maxAttempts) throw swapped(place.asked);
    }
  }
}

async function replace(
  folder: Folder,
  { place, text, mode }: { place: Place; text: string; mode: number },
): Promise<void> {
  const draft = folder.pathOf(`.${newToken()}`);
  try {
    await using handle = await open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    await handle.writeFile(text, "utf8");
    await handle.chmod(mode & 0o777);
    await rename(draft, folder.pathOf(basename(place.path)));
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** What the system says becomes an error that keeps the system's word for it: agents look for that. */
async function explainingFailures<T>({ asked }: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isSystemError(error, "ELOOP")) throw swapped(asked);
    if (isSystemError(error, "EISDIR", "ENXIO", "ENODEV")) throw notAFile(asked);
    throw error instanceof Error && "syscall" in error ? explained(asked, error) : error;
  }
}

function mayOnlyRead({ asked }: Place): Error {
  return kilnDenied.create(`${asked} may not be written: this session may only read`, {
    hint: "say in your report what you would have written",
  });
}
