/**
 * Finds the program of an agent: on PATH, on the PATH of the user's terminal, in the places where installers put things, or
 * else through npx. Tells where it was found, and the PATH with which it will find its own interpreter.
 * Looks only; starts nothing but the login shell, and never takes a program from a relative PATH entry.
 */
import { constants, type Stats } from "node:fs";
import { access, open, readFile, stat } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { homeDirectory, type Environment } from "../base/paths.ts";
import { listed } from "../base/text.ts";
import { foldersOf, type AskLoginPath } from "./login-path.ts";

export interface ProgramSearch {
  /** A name, or a path; a relative path counts from `cwd`. */
  readonly command: string;
  /** Its PATH is searched first. */
  readonly env: Environment;
  readonly cwd: string;
  readonly loginPath: AskLoginPath;
}

export type Origin = "path" | "PATH" | "login PATH" | "usual place";

export interface FoundProgram {
  readonly path: string;
  readonly origin: Origin;
  /** PATH for the program itself. */
  readonly searchPath: string;
}

export interface MissingProgram {
  readonly path: undefined;
  /** What was looked for, and where: the end of a sentence. */
  readonly reason: string;
  /** What a person can do about it besides installing. */
  readonly remedy: string | undefined;
  readonly looked: readonly string[];
}

export async function findProgram(search: ProgramSearch): Promise<FoundProgram | MissingProgram> {
  return search.command.includes("/") ? checkPath(search) : searchFolders(search);
}

async function checkPath(search: ProgramSearch): Promise<FoundProgram | MissingProgram> {
  const path = resolve(search.cwd, search.command);
  const found = await look(path);
  if (found === "executable") return withInterpreter({ path, origin: "path", folders: ownFolders(search) }, search);
  const missing = { path: undefined, looked: [path] };
  if (found === "not executable") {
    return {
      ...missing,
      reason: `${path} is there but may not be executed`,
      remedy: `make it executable: chmod +x ${path}`,
    };
  }
  return {
    ...missing,
    reason: `${path} ${found === "missing" ? "does not exist" : "is not a file"}`,
    remedy: undefined,
  };
}

async function searchFolders(search: ProgramSearch): Promise<FoundProgram | MissingProgram> {
  const { command, env } = search;
  const own = ownFolders(search);
  const onPath = await firstWith(command, own);
  if (onPath) return withInterpreter({ path: onPath, origin: "PATH", folders: own }, search);

  const login = await search.loginPath();
  const onLoginPath = await firstWith(command, login.folders);
  if (onLoginPath) {
    return withInterpreter({ path: onLoginPath, origin: "login PATH", folders: [...login.folders, ...own] }, search);
  }

  const usual = await usualPlaces(env);
  const inUsualPlace = await firstWith(command, usual);
  if (inUsualPlace) {
    const folders = [dirname(inUsualPlace), ...own, ...login.folders];
    return withInterpreter({ path: inUsualPlace, origin: "usual place", folders }, search);
  }

  const loginPart = login.problem ?? `on that of the login shell ${login.shell} (${login.folders.length} folders)`;
  const places = [
    `on PATH (${own.length} folders)`,
    ...(login.problem ? [] : [loginPart]),
    `in ${usual.length} usual places`,
  ];
  const reason = `there is no program "${command}" ${listed(places)}${login.problem ? `; ${loginPart}` : ""}`;
  return { path: undefined, reason, remedy: undefined, looked: [...own, ...login.folders, ...usual] };
}

/**
 * A script that begins with `#!/usr/bin/env node` needs `node` on its PATH: if it is not there, the folder where it is found
 * is added at the end.
 */
async function withInterpreter(
  found: { path: string; origin: Origin; folders: readonly string[] },
  search: ProgramSearch,
): Promise<FoundProgram> {
  const { path, origin } = found;
  const folders = [...new Set(found.folders)];
  const interpreter = await interpreterName(path);
  if (interpreter !== undefined && !(await firstWith(interpreter, folders))) {
    const near = await firstWith(interpreter, [dirname(path)]);
    const elsewhere =
      near ??
      (await firstWith(interpreter, (await search.loginPath()).folders)) ??
      (await firstWith(interpreter, await usualPlaces(search.env)));
    if (elsewhere) folders.push(dirname(elsewhere));
  }
  return { path, origin, searchPath: folders.join(delimiter) };
}

/** `node` of a first line `#!/usr/bin/env node`, with or without `-S`. */
async function interpreterName(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    return /^#!\s*\S*\/env\s+(?:-S\s+)?([^\s/=-][^\s/=]*)/.exec(buffer.toString("utf8", 0, bytesRead))?.[1];
  } catch {
    // A program may be executable and still not be readable: then it is no script.
    return undefined;
  }
}

function ownFolders({ env }: ProgramSearch): string[] {
  return foldersOf(env["PATH"]);
}

async function firstWith(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    if ((await look(path)) === "executable") return path;
  }
  return undefined;
}

async function look(path: string): Promise<"missing" | "not a file" | "not executable" | "executable"> {
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch {
    return "missing";
  }
  if (!stats.isFile()) return "not a file";
  return access(path, constants.X_OK).then(
    () => "executable",
    () => "not executable",
  );
}

/** Where installers and package managers put programs, for a PATH that does not say so. */
async function usualPlaces(env: Environment): Promise<string[]> {
  const home = homeDirectory(env);
  const npmPrefix =
    env["npm_config_prefix"] ?? env["NPM_CONFIG_PREFIX"] ?? (await npmPrefixIn(join(home, ".npmrc"), home));
  return foldersOf(
    [
      ...(npmPrefix ? [join(npmPrefix, "bin")] : []),
      // Global npm packages stand beside the Node.js they were installed with.
      dirname(process.execPath),
      ...[".local/bin", "bin", ".npm-global/bin", ".bun/bin", ".opencode/bin", ".volta/bin", ".deno/bin"].map(
        (folder) => join(home, folder),
      ),
      ...[".cargo/bin", ".asdf/shims", ".local/share/mise/shims", ".local/share/pnpm", "Library/pnpm"].map((folder) =>
        join(home, folder),
      ),
      "/opt/homebrew/bin",
      "/usr/local/bin",
      "/home/linuxbrew/.linuxbrew/bin",
      "/snap/bin",
    ].join(delimiter),
  );
}

async function npmPrefixIn(file: string, home: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  const prefix = /^\s*prefix\s*=\s*["']?([^"'\n]+?)["']?\s*$/m.exec(text)?.[1];
  return prefix?.replace(/^(~|\$\{HOME\})(?=\/|$)/, home);
}
