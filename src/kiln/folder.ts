/**
 * An open folder from which one goes on, name by name, without ever following a link. On Linux each step starts from the folder
 * itself, wherever that is by now (`/proc/self/fd`, in the manner of openat); elsewhere from its path, and what was opened is
 * compared with what stands there. It knows nothing of kilns.
 */
import { constants } from "node:fs";
import { lstat, mkdir, open, readlink, realpath, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { isSystemError } from "../base/errors.ts";

export interface Folder extends AsyncDisposable {
  /** Opens a folder in it. Rejects with ENOTDIR or ELOOP for anything else, a link to a folder too. */
  enter(name: string): Promise<Folder>;
  /** A path of a name in it, for one system call that follows no link at its end. */
  pathOf(name: string): string;
  /** Where a file that was opened by this name really is. Rejects with ELOOP when it is not what stands there. */
  locate(name: string, handle: FileHandle): Promise<string>;
}

/** Opens a folder by its real path. */
export type EnterFolder = (path: string) => Promise<Folder>;

/** The folder of this name, made if it is not there. */
export async function enterOrMake(folder: Folder, name: string): Promise<Folder> {
  try {
    return await folder.enter(name);
  } catch (error) {
    if (!isSystemError(error, "ENOENT")) throw error;
  }
  await mkdir(folder.pathOf(name)).catch((error: unknown) => {
    // Somebody was faster; what they made is looked at like anything else.
    if (!isSystemError(error, "EEXIST")) throw error;
  });
  return folder.enter(name);
}

// Node.js has no name for it (<fcntl.h>): a folder that may be passed through need not be readable.
const O_PATH = 0o10000000;
const linuxFlags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export const enterOnLinux: EnterFolder = async (path) => {
  const folder = linuxFolder(await open(path, linuxFlags));
  if ((await folder.real()) === path) return folder;
  await folder[Symbol.asyncDispose]();
  throw isLink(path);
};

function linuxFolder(handle: FileHandle): Folder & { real(): Promise<string> } {
  const own = `/proc/self/fd/${handle.fd}`;
  return {
    real: () => readlink(own),
    enter: async (name) => linuxFolder(await open(join(own, name), linuxFlags)),
    pathOf: (name) => join(own, name),
    locate: (_, { fd }) => readlink(`/proc/self/fd/${fd}`),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

export const enterElsewhere: EnterFolder = async (path) => {
  const stats = await lstat(path);
  if (!stats.isDirectory() || (await realpath(path)) !== path) throw isLink(path);
  const pathOf = (name: string): string => join(path, name);
  return {
    enter: (name) => enterElsewhere(pathOf(name)),
    pathOf,
    async locate(name, handle) {
      const [opened, standing] = [await handle.stat(), await lstat(pathOf(name))];
      const isSame = opened.dev === standing.dev && opened.ino === standing.ino;
      if (isSame && (await realpath(pathOf(name))) === pathOf(name)) return pathOf(name);
      throw isLink(pathOf(name));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

export const enterFolder: EnterFolder = process.platform === "linux" ? enterOnLinux : enterElsewhere;

/** As the system says it. */
function isLink(path: string): Error {
  return Object.assign(new Error(`ELOOP: ${path} is no folder, or is reached through a link`), { code: "ELOOP" });
}
