/**
 * Which folders a program needs of its own installation: the npm package and what it depends on, the prefix of an interpreter,
 * the root of a version manager. Found by looking at where the program really lies; nothing is started.
 * A folder that would open more than an installation (the home, what holds the daemon's state) is never given whole.
 */
import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from "node:fs";
import { basename, delimiter, dirname, extname, isAbsolute, join } from "node:path";
import { isInside } from "../base/paths.ts";
import { linksOn, realPathOf } from "./real-paths.ts";

export interface InstallSearch {
  /** Directories that must not be opened as a whole, nor anything above them. */
  readonly guarded: readonly string[];
  readonly home: string;
  /** PATH on which `#!/usr/bin/env NAME` is looked up. */
  readonly searchPath: string;
}

export interface InstallRoots {
  /** Real paths of folders and files. */
  readonly readable: string[];
  /** Paths through which they are named: the links on them have to be there. */
  readonly named: string[];
  /** An interpreter that is asked for and does not exist. */
  missing: string | undefined;
}

/** Installations of version managers, below the home: a shim in one of them needs the rest of it. */
const versionManagers = [
  ".asdf",
  ".bun",
  ".deno",
  ".fnm",
  ".nodenv",
  ".nvm",
  ".opencode",
  ".proto",
  ".pyenv",
  ".rbenv",
  ".volta",
  ".local/share/fnm",
  ".local/share/mise",
  ".local/share/uv",
  "n",
];

const scriptEndings = new Set([
  ".js",
  ".mjs",
  ".cjs",
  ".ts",
  ".mts",
  ".cts",
  ".py",
  ".rb",
  ".pl",
  ".php",
  ".sh",
  ".jar",
]);

/** How deep interpreters of interpreters are followed. */
const maxInterpreters = 4;

/** The folders of a command and of the scripts among its arguments, with their interpreters. */
export function installRoots(command: string, args: readonly string[], search: InstallSearch): InstallRoots {
  const roots: InstallRoots = { readable: [], named: [], missing: undefined };
  addProgram(command, search, roots);
  for (const arg of args) {
    if (!isAbsolute(arg) || !isFile(arg)) continue;
    if (isScript(arg)) addProgram(arg, search, roots);
    else add(arg, [realPathOf(arg) ?? arg], roots);
  }
  return roots;
}

function addProgram(path: string, search: InstallSearch, roots: InstallRoots, level = 0): void {
  const real = realPathOf(path);
  if (real === undefined) {
    roots.missing ??= path;
    return;
  }
  add(path, foldersOf(real, search), roots);
  // A shim is found through its own name, and looks beside itself.
  const shim = managerOf(path, search);
  if (shim !== undefined) roots.readable.push(shim);
  const interpreter = interpreterOf(real, search.searchPath);
  if (interpreter !== undefined && level < maxInterpreters) addProgram(interpreter, search, roots, level + 1);
}

function add(named: string, folders: readonly string[], roots: InstallRoots): void {
  roots.named.push(named);
  roots.readable.push(...folders);
}

function foldersOf(file: string, search: InstallSearch): string[] {
  const opens = (folder: string): boolean => !isTooWide(folder, search);
  const manager = managerOf(file, search);
  if (manager !== undefined) return [manager];

  const modules = /^.*?\/node_modules(?=\/)/.exec(file)?.[0];
  if (modules !== undefined && opens(modules)) return [modules];

  const found = packageOf(file);
  if (found === undefined) return ownFolders(file, opens);
  if (opens(found)) return [found, ...modulesAbove(found).filter(opens)];
  // In a container a project often is a folder of the root: of that what the file lies in is given, as of any other project.
  const isPrivate = [search.home, ...search.guarded].some((path) => isInside(found, path));
  const below = join(found, file.slice(found.length + 1).split("/", 1)[0] ?? "");
  const own = isPrivate || below === file || !opens(below) ? ownFolders(file, opens) : [below];
  return [...own, ...partsOf(found).filter(opens)];
}

/** Without a package: its folder, or the prefix that it is installed in. */
function ownFolders(file: string, opens: (folder: string) => boolean): string[] {
  const folder = dirname(file);
  const prefix = dirname(folder);
  if (/^s?bin$/.test(basename(folder))) {
    if (opens(prefix) && prefix !== "/usr") return [prefix];
    return [folder, join(prefix, "lib"), join(prefix, "libexec")].filter((one) => existsSync(one) && opens(one));
  }
  return opens(folder) ? [folder] : [file];
}

/** True if to give this folder would be to give more than an installation. */
export function isTooWide(folder: string, { guarded, home }: Pick<InstallSearch, "guarded" | "home">): boolean {
  const personal = [".local", ".local/share", ".config", ".cache", "Library", ".ssh"].map((name) => join(home, name));
  const isShallow = folder.split("/").filter(Boolean).length < 2 && folder !== "/usr" && folder !== "/opt";
  return isShallow || [home, ...personal, ...guarded].some((path) => isInside(folder, path));
}

function managerOf(path: string, { home }: InstallSearch): string | undefined {
  return versionManagers.map((name) => join(home, name)).find((root) => isInside(root, path) && root !== path);
}

/** The nearest folder above with a package.json: what Node.js takes for the file's package. */
function packageOf(file: string): string | undefined {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
  }
  return undefined;
}

/** What Node.js needs of a package that is not given whole, as when it is the home: what kind of modules it has, and those of others. */
function partsOf(found: string): string[] {
  const own = ["package.json", "node_modules"].map((name) => join(found, name));
  return [...own.filter((path) => existsSync(path)), ...modulesAbove(found)];
}

/** A package in a workspace finds what it depends on in the folders above it as well. */
function modulesAbove(folder: string): string[] {
  const found: string[] = [];
  for (let above = dirname(folder); above !== dirname(above); above = dirname(above)) {
    const modules = join(above, "node_modules");
    if (existsSync(modules)) found.push(modules);
  }
  return found;
}

/** The interpreter of a `#!` line; with `env` the one that PATH gives. */
function interpreterOf(file: string, searchPath: string): string | undefined {
  const [, program, rest = ""] = /^#!\s*(\S+)[ \t]*([^\n]*)/.exec(firstLine(file)) ?? [];
  if (program === undefined) return undefined;
  if (basename(program) !== "env") return program;
  const name = rest.split(/\s+/).find((word) => word !== "" && !word.startsWith("-") && !word.includes("="));
  if (name === undefined || name.includes("/")) return name;
  return searchPath
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isScript(file: string): boolean {
  return scriptEndings.has(extname(file)) || firstLine(file).startsWith("#!") || isExecutable(file);
}

function firstLine(file: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const start = Buffer.alloc(256);
    return start.toString("latin1", 0, readSync(descriptor, start));
  } catch {
    // What cannot be read is no script.
    return "";
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return isFile(path);
  } catch {
    return false;
  }
}

/** The links that lead to what is named. */
export function linksOf(roots: InstallRoots): ReturnType<typeof linksOn> {
  return roots.named.flatMap(linksOn);
}
