/**
 * The one gate for paths that come from agents: opens a file inside the kiln or refuses. Symlinks are resolved at the moment
 * of use, and what was opened is looked at again, so that nothing can be swapped between the check and the use.
 */
import { constants, type Stats } from "node:fs";
import { mkdir, open, realpath, type FileHandle } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { isSystemError } from "../base/errors.ts";
import { isInside } from "../base/paths.ts";
import { fileFailed, fileNotFound, invalidRequest, kilnDenied, outsideKiln } from "./errors.ts";

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

export interface OpenedFile {
  handle: FileHandle;
  stats: Stats;
}

/** Opens an existing ordinary file for reading. The caller closes the handle. */
export function openForReading(kiln: string, path: string): Promise<OpenedFile> {
  return explainingFailures(path, () => findAndOpen(kiln, path));
}

async function findAndOpen(kiln: string, path: string): Promise<OpenedFile> {
  requireAbsolute(path);
  const root = await realpath(kiln);
  let real: string;
  try {
    real = await realpath(path);
  } catch (error) {
    requireInside(root, await realOfExistingPart(path), path);
    throw isSystemError(error, "ENOENT", "ENOTDIR") ? notFound(path, error) : error;
  }
  requireInside(root, real, path);
  return opened(await openExact(real, O_RDONLY, path), root, path);
}

/** Opens an ordinary file for writing from its start; creates it, and the folders above it, where they do not exist. */
export function openForWriting(kiln: string, path: string): Promise<OpenedFile> {
  return explainingFailures(path, () => createAndOpen(kiln, path));
}

async function createAndOpen(kiln: string, path: string): Promise<OpenedFile> {
  requireAbsolute(path);
  const root = await realpath(kiln);
  const wanted = resolve(path);
  requireInside(root, await realOfExistingPart(wanted), path);
  await mkdir(dirname(wanted), { recursive: true });
  const folder = await realpath(dirname(wanted));
  requireInside(root, folder, path);

  // A link at the end of the path is followed by hand, because its target has to lie inside as well.
  const target = await realpath(join(folder, basename(wanted))).catch((error: unknown) => {
    if (isSystemError(error, "ENOENT")) return join(folder, basename(wanted));
    throw error;
  });
  requireInside(root, target, path);
  return opened(await openExact(target, O_WRONLY | O_CREAT, path), root, path);
}

async function openExact(real: string, flags: number, asked: string): Promise<FileHandle> {
  try {
    // Not following a link now catches one that was put there since; not blocking, a FIFO in place of a file.
    return await open(real, flags | O_NOFOLLOW | O_NONBLOCK, 0o666);
  } catch (error) {
    if (isSystemError(error, "ELOOP")) throw outside(asked);
    if (isSystemError(error, "ENOENT")) throw notFound(asked, error);
    if (isSystemError(error, "EISDIR", "ENXIO", "ENODEV")) throw noFile(asked);
    throw error;
  }
}

// Linux tells where an open file really is; elsewhere the checks before have to do.
async function opened(handle: FileHandle, root: string, asked: string): Promise<OpenedFile> {
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw noFile(asked);
    if (process.platform === "linux") requireInside(root, await realpath(`/proc/self/fd/${handle.fd}`), asked);
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The real path of the part of `path` that exists, with the rest of it behind. */
async function realOfExistingPart(path: string): Promise<string> {
  const wanted = resolve(path);
  const rest: string[] = [];
  for (let part = wanted; ; part = dirname(part)) {
    try {
      return join(await realpath(part), ...rest);
    } catch (error) {
      if (!isSystemError(error, "ENOENT", "ENOTDIR") || dirname(part) === part) throw error;
      rest.unshift(basename(part));
    }
  }
}

/** What the system says of a path becomes an error that keeps the system's word for it: agents look for that. */
export async function explainingFailures<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    throw fileFailed.create(`${path}: ${error.message}`, { cause: error });
  }
}

function requireInside(root: string, real: string, asked: string): void {
  if (!isInside(root, real)) throw outside(asked);
}

function requireAbsolute(path: string): void {
  if (isAbsolute(path) && !path.includes("\0")) return;
  throw invalidRequest.create(`expected an absolute path, got ${JSON.stringify(path)}`, {
    hint: "paths in ACP are absolute",
  });
}

function outside(path: string): Error {
  return outsideKiln.create(`${path} lies outside the directories this session may touch`, {
    hint: "work inside the directory the session was opened in",
  });
}

function noFile(path: string): Error {
  return kilnDenied.create(`${path} is not an ordinary file`, { hint: "name a file, not a directory, device or pipe" });
}

// Agents look for this errno in the text before they create a file.
function notFound(path: string, cause: unknown): Error {
  return fileNotFound.create(`ENOENT: no such file: ${path}`, { cause });
}
