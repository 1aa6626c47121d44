/**
 * The home of a profile in the state folder, which its agents see in place of the user's. What of the user's own home the
 * configuration opens is named in it by links, so that programs find it where they look for it; a link that is not wanted any
 * more goes away.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { isSystemError } from "../base/errors.ts";
import { isInside } from "../base/paths.ts";
import { inHeldFolder } from "./held-folder.ts";

export interface PrivateHomeRequest {
  readonly stateDirectory: string;
  readonly profile: string;
  /** The user's home. */
  readonly home: string;
  /** Paths of the user's that are open to the agent; those below the user's home get a link. */
  readonly opened: readonly string[];
}

/** Folder of all private homes. */
export function privateHomesFolder(stateDirectory: string): string {
  return join(stateDirectory, "homes");
}

/** Makes the home, if it is not there, and its links. Gives its path. */
export function privateHome({ stateDirectory, profile, home, opened }: PrivateHomeRequest): string {
  const folder = join(privateHomesFolder(stateDirectory), profile);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const wanted = opened.filter((path) => path !== home && isInside(home, path)).map((path) => relative(home, path));
  // Beside the home and not in it, where the agent could say what to unlink.
  const listFile = `${folder}.links.json`;
  for (const path of linksMade(listFile)) {
    if (!wanted.includes(path)) inHeldFolder({ root: folder, path, create: false }, (place) => place.unlink());
  }
  for (const path of wanted) {
    inHeldFolder({ root: folder, path, create: true }, (place) => place.link(join(home, path)));
  }
  writeFileSync(listFile, JSON.stringify(wanted), { mode: 0o600 });
  return folder;
}

function linksMade(file: string): string[] {
  try {
    const list: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(list) ? list.filter((path) => typeof path === "string") : [];
  } catch (error) {
    if (isSystemError(error, "ENOENT") || error instanceof SyntaxError) return [];
    throw error;
  }
}
