/** Folders in which something has to be made before anything else can be done: the state folder, and that for what is temporary. */
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { isSystemError, messageOf } from "../base/errors.ts";
import { folderUnusable } from "./errors.ts";
import { preparePrivateFolder } from "./private-folder.ts";

/** Makes the state folder, for its owner alone. Throws CRU_FOLDER_UNSAFE and CRU_FOLDER_UNUSABLE. */
export function prepareStateFolder(folder: string): void {
  makeIn(folder, () => {
    preparePrivateFolder(folder);
    // Parts of it may be another user's, when it was once used with sudo.
    const parts = ["log", "processes", "homes"].map((name) => join(folder, name)).filter((path) => existsSync(path));
    for (const path of [folder, ...parts]) accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  });
}

/** What `make` gives, which works in this folder. Throws CRU_FOLDER_UNUSABLE where the system does not let it. */
export function makeIn<T>(folder: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw folderUnusable.create(`${folder} cannot be used: ${messageOf(error)}`, {
      hint: "make it writable, or choose another place: XDG_STATE_HOME for the state, TMPDIR for what is temporary",
      cause: error,
    });
  }
}
