/**
 * The one gate for paths that come from agents and editors: decides whether a session's kiln holds a path, and where that path
 * really leads. It opens nothing; whoever opens what was decided follows no link any more (files.ts), so that nothing can
 * be swapped between the decision and its use.
 */
import { isAbsolute, resolve } from "node:path";
import { isInside } from "../base/paths.ts";
import type { Kiln } from "../sessions/kiln.ts";
import { denyingPattern } from "./deny-glob.ts";
import { denied, explained, invalidRequest, kilnDenied, outside } from "./errors.ts";
import { realIfKnown, realOfExistingPart } from "./real-path.ts";

/** `work`: it is a directory to start something in. */
export type Purpose = "read" | "write" | "work";

/** A path that was decided upon. */
export interface Place {
  /** As it was asked for. */
  readonly asked: string;
  /** Absolute and without links, as far as it exists. */
  readonly path: string;
  /** The directory or file of the kiln it is, or lies in. */
  readonly root: string;
}

/** Throws CRU_KILN_OUTSIDE, CRU_KILN_DENIED, CRU_FILE_FAILED or CRU_REQUEST_INVALID. */
export function placeIn(kiln: Kiln, asked: string, purpose: Purpose): Place {
  requireAbsolute(asked);
  const meant = resolve(asked);
  const path = realPathOf(kiln, { path: meant, asked });
  const place = { asked, path, root: rootOf(kiln, { path, asked, purpose }) };
  // An editor that opens the path as it stands takes `..` behind a link from where that leads.
  const literal = asked === meant ? path : realPathOf(kiln, { path: asked, asked });
  if (literal !== path) rootOf(kiln, { path: literal, asked, purpose });
  for (const name of [meant, path, literal]) requireNotDenied(kiln, { path: name, asked });
  return place;
}

/** What a permission question about the path is refused with, whatever rules and people say: `deny` of `[kiln]` fits a name of it. */
export function closedIn({ kiln }: { readonly kiln: Kiln }, path: string): string | undefined {
  const pattern = denyingPattern(kiln.deny, path) ?? denyingPattern(kiln.deny, realIfKnown(path));
  return pattern === undefined ? undefined : `kiln: ${JSON.stringify(pattern)} under deny`;
}

/** What an opened file turned out to be is decided upon as well. */
export function requireStillIn(kiln: Kiln, { root, asked }: Place, opened: string): void {
  if (!isInside(root, opened)) throw outside(asked, kiln.directories);
  requireNotDenied(kiln, { path: opened, asked });
}

function realPathOf({ directories }: Kiln, { path, asked }: { path: string; asked: string }): string {
  try {
    return realOfExistingPart(path);
  } catch (error) {
    // Why something outside cannot be looked at is nobody's business.
    if (!directories.some((directory) => isInside(directory, resolve(path)))) throw outside(asked, directories);
    throw error instanceof Error && "syscall" in error ? explained(asked, error) : error;
  }
}

function rootOf(kiln: Kiln, { path, asked, purpose }: { path: string; asked: string; purpose: Purpose }): string {
  const { directories, read, write, closed } = kiln;
  const isOpenTo = (root: string): boolean =>
    isInside(root, path) && !closed.some((folder) => isInside(folder, path) && !isInside(folder, root));
  const holding = (roots: readonly string[]): string | undefined => roots.find(isOpenTo);
  const root = holding(directories) ?? (purpose === "work" ? undefined : holding(write));
  if (root !== undefined) return root;
  const readable = purpose === "work" ? undefined : holding(read);
  if (readable === undefined) throw outside(asked, directories);
  if (purpose === "read") return readable;
  throw kilnDenied.create(`${asked} may be read and not written: it lies in ${readable}, under read of [kiln]`, {
    hint: "write somewhere else",
  });
}

function requireNotDenied({ deny }: Kiln, { path, asked }: { path: string; asked: string }): void {
  const pattern = denyingPattern(deny, path);
  if (pattern !== undefined) throw denied(asked, pattern);
}

function requireAbsolute(path: string): void {
  if (isAbsolute(path) && !path.includes("\0")) return;
  throw invalidRequest.create(`expected an absolute path, got ${JSON.stringify(path)}`, {
    hint: "paths in ACP are absolute",
  });
}
