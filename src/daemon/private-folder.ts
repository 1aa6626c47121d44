/**
 * Folders that hold what nobody else may touch: the daemon's socket and its state. Whoever can write to such a folder, or to one
 * above it, can put a thing of his own in place of the daemon's. So they are looked at before they are used: narrowed where they
 * are the daemon's own, refused where they belong to somebody else.
 */
import { chmodSync, lstatSync, mkdirSync, realpathSync, statSync, type Stats } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { CrucibleError } from "../base/errors.ts";
import { folderUnsafe } from "./errors.ts";

/** The name of folders that are the daemon's own wherever they lie. */
const ownName = "crucible";
const rootUser = 0;
const stickyBit = 0o1000;

/**
 * Makes the folder, or looks at the one that is there. One that is the daemon's own is 0700 after this; another one, which
 * somebody chose for the socket, stays as it is if only its owner can put something into it. Throws CRU_FOLDER_UNSAFE.
 */
export function preparePrivateFolder(path: string): void {
  const folder = resolve(path);
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined;
  for (const above of foldersAbove(folder)) requireGuarded(above);
  const stats = statSync(folder);
  requireOwner(folder, stats);
  if ((stats.mode & 0o077) === 0) return;
  if (!made && basename(folder) !== ownName) return requireGuarded(folder);
  // What lies behind a link may serve others as well: it is not for the daemon to close.
  if (lstatSync(folder).isSymbolicLink()) {
    throw unsafe(
      folder,
      "is a link to a folder that other users may look into",
      `chmod 700 ${realpathSync.native(folder)}`,
    );
  }
  chmodSync(folder, 0o700);
}

/** As it is written and as it really is: a link on the way belongs to somebody, too. */
function foldersAbove(folder: string): Set<string> {
  const above = new Set<string>([folder]);
  for (let at of [folder, realpathSync.native(folder)]) {
    while (dirname(at) !== at) above.add((at = dirname(at)));
  }
  above.delete(realpathSync.native(folder));
  return above;
}

/** A folder in which everybody can rename what is another's; or a link that another user has made. */
function requireGuarded(path: string): void {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) {
    if (!isTrusted(stats.uid)) throw unsafe(path, "is a link that another user has made", "remove it");
  } else if ((stats.mode & 0o002) !== 0 && (stats.mode & stickyBit) === 0) {
    throw unsafe(path, "can be changed by everybody", `chmod o-w ${path}`);
  }
}

/** A folder like /tmp is everybody's, and keeps what is whose apart. */
function requireOwner(folder: string, { uid, mode }: Stats): void {
  const isShared = uid === rootUser && (mode & stickyBit) !== 0;
  if (isShared || uid === (process.getuid?.() ?? uid)) return;
  throw unsafe(folder, `belongs to another user (uid ${uid})`, "find out who has made it, and remove it");
}

function isTrusted(uid: number): boolean {
  return uid === rootUser || uid === (process.getuid?.() ?? uid);
}

function unsafe(path: string, what: string, remedy: string): CrucibleError {
  return folderUnsafe.create(`${path} ${what}; a socket or state there would not be yours alone`, {
    hint: `${remedy}, or choose another place: --socket for the socket, XDG_STATE_HOME for the state`,
  });
}
