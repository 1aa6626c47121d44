/**
 * Keeps a user signed in to the agents in their private homes: a login file of the user's is brought in when it is the newer
 * one, and one that was refreshed inside is brought back. What comes back is that file alone, and only if it differs from the
 * user's in nothing but tokens and times, so that nothing an agent writes becomes anything else outside.
 */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { isSystemError, messageOf } from "../base/errors.ts";
import { isInside, type Environment } from "../base/paths.ts";
import { inHeldFolder, type FoundFile } from "./held-folder.ts";
import { loginFiles, type LoginFile } from "./login-files.ts";
import { isOfTokens, isRefreshable } from "./login-tokens.ts";

/** Largest login file that is brought in or back, in bytes. */
export const maxLoginBytes = 256 * 1024;

/** How often a login of a running agent is looked at, in milliseconds: whoever uses the old token outside is signed out. */
export const loginCheckMs = 15_000;

/** How far ahead of now the time of a login may be, in milliseconds: the clock may have been set back a little. */
const maxClockStepMs = 60_000;

export interface LoginPlace {
  readonly family: string | undefined;
  /** The user's home, and the environment whose variables may move folders of it. */
  readonly userHome: string;
  readonly env: Environment;
  readonly privateHome: string;
  readonly onWarning: (message: string) => void;
  /** Why each login was not brought along the last time, by its file: kept by whoever exchanges them again and again. */
  readonly reasons?: Map<string, string>;
}

/**
 * Brings each login file to where the older one is. Never throws: an agent without its login says so itself. Warns where that
 * fails, and again only for another reason.
 */
export function exchangeLogins(place: LoginPlace): void {
  const { reasons = new Map<string, string>(), onWarning } = place;
  for (const login of loginFiles(place.family)) {
    const reason = reasonAgainst(() => exchange(login, place));
    if (reason === undefined) {
      reasons.delete(login.file);
    } else if (reasons.get(login.file) !== reason) {
      reasons.set(login.file, reason);
      onWarning(`the login ${login.file} was not brought along: ${reason}`);
    }
  }
}

function reasonAgainst(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function exchange(login: LoginFile, { userHome, env, privateHome }: LoginPlace): void {
  const theirPath = placeOf(login, userHome, env);
  const theirs = readOwn(theirPath);
  const their = theirs && objectIn(theirs.bytes);
  if (!theirs || !their) return;
  const held = { root: privateHome, path: login.file };
  const found = inHeldFolder({ ...held, create: false }, (file) => file.read(maxLoginBytes));
  // A time in the future would win over every later login of the user's.
  const inside = found && found.modifiedAt.getTime() <= Date.now() + maxClockStepMs ? found : undefined;

  if (login.only) {
    const bytes = Buffer.from(`${JSON.stringify(picked(their, login.only), null, 2)}\n`);
    if (!found) inHeldFolder({ ...held, create: true }, (file) => file.write(bytes, theirs.modifiedAt));
  } else if (!inside || theirs.modifiedAt > inside.modifiedAt) {
    if (inside?.bytes.equals(theirs.bytes)) return;
    inHeldFolder({ ...held, create: true }, (file) => file.write(theirs.bytes, theirs.modifiedAt));
  } else if (inside.modifiedAt > theirs.modifiedAt && isRefreshed(their, objectIn(inside.bytes))) {
    const when = new Date(Math.min(inside.modifiedAt.getTime(), Date.now()));
    const real = realpathSync.native(theirPath);
    const isLinkedAway = real !== join(realpathSync.native(dirname(theirPath)), basename(theirPath));
    if (isLinkedAway && !isInside(realpathSync.native(userHome), real)) {
      throw new Error(`an agent has refreshed it, and yours is a link out of your home, to ${real}`);
    }
    const own = { root: dirname(real), path: basename(real), create: false };
    inHeldFolder(own, (file) => file.write(inside.bytes, when));
  }
}

function placeOf({ file, movedBy }: LoginFile, userHome: string, env: Environment): string {
  const [variable, folder] = movedBy ?? [];
  const moved = variable === undefined ? undefined : env[variable];
  if (folder === undefined || !moved || !isAbsolute(moved)) return join(userHome, file);
  return join(moved, file.slice(folder.length));
}

function readOwn(path: string): FoundFile | undefined {
  try {
    const stats = statSync(path);
    if (!stats.isFile() || stats.size > maxLoginBytes) return undefined;
    return { bytes: readFileSync(path), modifiedAt: stats.mtime };
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EACCES")) return undefined;
    throw error;
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

/** True if `after` is `before` with other tokens and times; of those it may have more, where there were some. */
function isRefreshed(before: JsonObject, after: JsonObject | undefined): boolean {
  if (after === undefined) return false;
  const hasTokens = Object.keys(before).some(isOfTokens);
  return (
    Object.keys(before).every((name) => isKept(name, before[name], after)) &&
    Object.keys(after).every((name) => Object.hasOwn(before, name) || (hasTokens && isRefreshable(name, after[name])))
  );
}

function isKept(name: string, old: unknown, after: JsonObject): boolean {
  const now = after[name];
  if (isObject(old)) return isRefreshed(old, isObject(now) ? now : undefined);
  if (JSON.stringify(old) === JSON.stringify(now)) return Object.hasOwn(after, name);
  return typeof old === typeof now && isRefreshable(name, now);
}

/** The members that are named by their paths, where they stood. */
function picked(from: JsonObject, paths: readonly string[]): JsonObject {
  const result: Record<string, unknown> = {};
  for (const path of paths) {
    const names = path.split(".");
    const value = names.reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), from);
    if (value === undefined) continue;
    let at = result;
    for (const name of names.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>;
    at[names.at(-1)!] = value;
  }
  return result;
}

function objectIn(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
