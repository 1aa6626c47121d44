/** From paths as people name them to where they really lie, with the links on the way. Looks at the disk, changes nothing. */
import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { isInside } from "../base/paths.ts";
import type { Link } from "./confinement.ts";

/** More links than this on the way to one file are taken for a loop, as the system takes them (path_resolution(7)). */
const maxLinks = 40;

/** Undefined if there is nothing. */
export function realPathOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

/** The links that one passes through on the way to `path`, its own included: what has to be there for it to be found. */
export function linksOn(path: string): Link[] {
  const links: Link[] = [];
  let at = "/";
  let rest = resolve(path).split("/").filter(Boolean);
  while (rest.length > 0 && links.length < maxLinks) {
    const [name = "", ...further] = rest;
    const next = join(at, name);
    const target = targetOf(next);
    if (target === undefined) {
      at = next;
      rest = further;
    } else {
      links.push({ path: next, target });
      at = isAbsolute(target) ? "/" : at;
      rest = [...target.split("/").filter(Boolean), ...further];
      // `..` in a target counts from where the link stands, which has no links any more.
      while (rest[0] === ".." || rest[0] === ".") {
        if (rest[0] === "..") at = dirname(at);
        rest.shift();
      }
    }
  }
  return links;
}

/** Without those that lie within another. */
export function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => other !== path && isInside(other, path)));
}

/** How many names lead to it from the root. */
export function depthOf(path: string): number {
  return path.split("/").filter(Boolean).length;
}

/** The directories between `from`, which is not among them, and `path`, which neither is; the outermost first. */
export function foldersBetween(from: string, path: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); folder !== from && basename(folder) !== ""; folder = dirname(folder)) {
    folders.unshift(folder);
  }
  return folders;
}

function targetOf(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}
