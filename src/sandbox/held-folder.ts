/**
 * Work in a folder that an agent writes to at the same time, without ever being led out of it: each folder on the way is
 * opened and kept, and what lies in it is named through what was opened (openat(2), by way of /proc/self/fd). A link in the
 * way ends the walk. On systems without /proc the folders are looked at instead, which leaves a moment between look and use.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { join } from "node:path";
import { isSystemError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";

export interface HeldPath {
  /** A folder nobody but the daemon can replace, absolute. */
  readonly root: string;
  /** What is meant, from there. */
  readonly path: string;
  /** Make the folders on the way that are missing. */
  readonly create: boolean;
}

export interface FoundFile {
  readonly bytes: Buffer;
  readonly modifiedAt: Date;
}

/** The last of the names, in its folder. */
export interface HeldPlace {
  /** A regular file of at most so many bytes; undefined for anything else, and for nothing. */
  read(maxBytes: number): FoundFile | undefined;
  /** Puts a file in place, mode 0600, as one step. */
  write(bytes: Buffer, modifiedAt: Date): void;
  /** Makes it a link; what else stands there is moved aside. */
  link(target: string): void;
  /** Takes a link away; leaves everything else. */
  unlink(): void;
}

const directory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Undefined when a folder on the way is not there or is something else, such as a link. */
export function inHeldFolder<Answer>(
  { root, path, create }: HeldPath,
  use: (place: HeldPlace) => Answer,
): Answer | undefined {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  const last = names.pop();
  if (last === undefined || names.includes("..") || last === "..") return undefined;
  let at = openFolder(root);
  try {
    for (const name of names) {
      const next = enter(at, name, create);
      if (next === undefined) return undefined;
      closeFolder(at);
      at = next;
    }
    return use(placeIn(at.path, last));
  } finally {
    closeFolder(at);
  }
}

interface Folder {
  readonly descriptor: number | undefined;
  /** Under which what lies in it is named. */
  readonly path: string;
}

function openFolder(path: string): Folder {
  if (process.platform !== "linux") {
    if (!lstatSync(path).isDirectory()) throw Object.assign(new Error(`${path} is no directory`), { code: "ENOTDIR" });
    return { descriptor: undefined, path };
  }
  const descriptor = openSync(path, directory);
  return { descriptor, path: `/proc/self/fd/${descriptor}` };
}

function closeFolder({ descriptor }: Folder): void {
  if (descriptor !== undefined) closeSync(descriptor);
}

function enter(folder: Folder, name: string, create: boolean): Folder | undefined {
  const path = join(folder.path, name);
  try {
    if (create && !lstatSync(path, { throwIfNoEntry: false })) mkdirSync(path, { mode: 0o700 });
    return openFolder(path);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "ELOOP", "EEXIST", "EACCES")) return undefined;
    throw error;
  }
}

function placeIn(folder: string, name: string): HeldPlace {
  const path = join(folder, name);
  const look = (): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });
  return {
    read(maxBytes) {
      let descriptor: number | undefined;
      try {
        // A FIFO must not hold up the daemon.
        descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        const stats = fstatSync(descriptor);
        if (!stats.isFile() || stats.nlink > 1 || stats.size > maxBytes) return undefined;
        const bytes = Buffer.alloc(stats.size);
        const length = readSync(descriptor, bytes, 0, stats.size, 0);
        return { bytes: bytes.subarray(0, length), modifiedAt: stats.mtime };
      } catch (error) {
        if (isSystemError(error, "ENOENT", "ELOOP", "EACCES", "ENXIO")) return undefined;
        throw error;
      } finally {
        if (descriptor !== undefined) closeSync(descriptor);
      }
    },
    write(bytes, modifiedAt) {
      const unfinished = join(folder, `.${name}.${newId("agt")}`);
      const descriptor = openSync(unfinished, "wx", 0o600);
      try {
        writeFileSync(descriptor, bytes);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      try {
        utimesSync(unfinished, modifiedAt, modifiedAt);
        renameSync(unfinished, path);
      } catch (error) {
        rmSync(unfinished, { force: true });
        throw error;
      }
    },
    link(target) {
      const stats = look();
      if (stats?.isSymbolicLink()) {
        if (readlinkSync(path) === target) return;
        rmSync(path);
      } else if (stats) {
        renameSync(path, join(folder, `${name}.aside-${newId("agt")}`));
      }
      symlinkSync(target, path);
    },
    unlink() {
      if (look()?.isSymbolicLink()) rmSync(path);
    },
  };
}
