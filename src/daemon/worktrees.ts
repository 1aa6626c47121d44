/**
 * Git worktrees for children that shall not touch the caller's checkout (`isolation = "worktree"`): made in the state folder
 * from what is committed, and at the end turned into a patch and removed. Every worktree is written down beside it, so that
 * the next daemon can do that for one whose daemon died.
 *
 * git is told where the repository is and never asks the worktree, whose files are the child's to write.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { deferred } from "../base/deferred.ts";
import { within } from "../base/deadline.ts";
import { CrucibleError, isSystemError, messageOf } from "../base/errors.ts";
import { isolationRefused } from "../delegation/errors.ts";
import type { PatchArtifact, Worktree, WorktreeRequest, Worktrees } from "../delegation/ports.ts";
import { inWorktree } from "../kiln/child-kiln.ts";
import type { LaunchSpec } from "../process/child.ts";
import type { Confined } from "../sandbox/confinement.ts";
import { git, GitFailure } from "./git.ts";
import { strangeRepository } from "./own-repository.ts";

/** How long the daemon's end waits for patches that are being made, in milliseconds. */
const closePatienceMs = 15_000;

export interface GitWorktreesOptions {
  stateDirectory: string;
  /** Puts a git that works in a repository into a sandbox: a repository can name programs, and an agent wrote its settings. */
  confine: (spec: LaunchSpec, places: GitPlaces) => Promise<Confined>;
  onWarning: (message: string) => void;
}

/** What a git may read, and what it may write to. */
export interface GitPlaces {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** What is written down of a worktree. */
const recordSchema = z.object({
  /** Top folder of the caller's checkout. */
  checkout: z.string(),
  /** Where the repository keeps what belongs to this worktree. */
  gitDirectory: z.string(),
  commit: z.string(),
});
type WorktreeRecord = z.output<typeof recordSchema>;

/** A worktree by its delegation. */
interface Place {
  id: string;
  folder: string;
  record: WorktreeRecord;
}

export class GitWorktrees implements Worktrees {
  readonly #folder: string;
  readonly #patches: string;
  readonly #confine: GitWorktreesOptions["confine"];
  readonly #onWarning: (message: string) => void;
  readonly #live = new Set<Promise<void>>();
  /** For each repository, what changes its list of worktrees, one after the other: git trips over half of another's entry. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor({ stateDirectory, confine, onWarning }: GitWorktreesOptions) {
    this.#confine = confine;
    this.#folder = join(stateDirectory, "worktrees");
    this.#patches = join(stateDirectory, "patches");
    this.#onWarning = onWarning;
  }

  async create({ id, cwd, kiln, signal }: WorktreeRequest): Promise<Worktree> {
    const { below, ...record } = await this.#origin({ cwd, signal }, id);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const place = { id, folder: join(await realpath(this.#folder), id), record };
    await this.#add(place, signal);
    const ownCwd = await this.#folderIn(place, below);
    const done = deferred<void>();
    this.#live.add(done.promise);
    void done.promise.then(() => this.#live.delete(done.promise));
    const finish = (): Promise<PatchArtifact> => this.#finish(place).finally(() => done.resolve());
    const { checkout, commit } = record;
    const own = inWorktree(kiln, {
      checkout: await realpath(checkout),
      folder: place.folder,
      git: { common: sharedBy(record), own: record.gitDirectory },
    });
    return { cwd: ownCwd, kiln: own, checkout, commit, finish };
  }

  /** Deals with worktrees whose daemon died; `onPatch` hears what was in them. Nobody may be at work in one any more. */
  async sweep(onPatch: (id: string, patch: PatchArtifact) => void): Promise<void> {
    for (const name of await namesIn(this.#folder)) {
      if (!name.endsWith(".json")) continue;
      const id = name.slice(0, -".json".length);
      const folder = join(await realpath(this.#folder), id);
      try {
        const text = await readFile(join(this.#folder, name), "utf8");
        const record = recordSchema.parse(JSON.parse(text));
        const place = { id, folder, record };
        if (existsSync(folder)) onPatch(id, await this.#finish(place));
        else await this.#discard(place);
      } catch (error) {
        this.#onWarning(`the worktree ${folder} is left as it is: ${messageOf(error)}`);
      }
    }
  }

  /** Waits until those that live are done with. */
  async close(): Promise<void> {
    await within(Promise.all(this.#live), closePatienceMs);
  }

  async #origin(
    { cwd, signal }: Pick<WorktreeRequest, "cwd" | "signal">,
    id: string,
  ): Promise<WorktreeRecord & { below: string }> {
    const ask = (...args: string[]): Promise<string> => git({ args: ["rev-parse", ...args], cwd, signal });
    try {
      const checkout = await ask("--show-toplevel");
      const below = await ask("--show-prefix");
      // git names what it keeps of a worktree by the last part of its path, and ids are never used twice.
      const commonDirectory = resolve(cwd, await ask("--git-common-dir"));
      const strange = await strangeRepository({
        cwd,
        checkout,
        gitDirectory: await ask("--absolute-git-dir"),
        commonDirectory,
      });
      if (strange !== undefined)
        throw refused(`the repository of ${cwd} is not its own: ${strange}`, "leave isolation out");
      const gitDirectory = join(await realpath(commonDirectory), "worktrees", id);
      const commit = await ask("--verify", "--quiet", "HEAD^{commit}").catch((error: unknown) => {
        if (!(error instanceof GitFailure)) throw error;
        throw refused(`${checkout} has no commit yet`, "commit something first, or leave isolation out");
      });
      return { checkout, below, gitDirectory, commit };
    } catch (error) {
      signal.throwIfAborted();
      if (isolationRefused.matches(error)) throw error;
      if (error instanceof GitFailure) {
        throw refused(`${cwd} is not in a git checkout (${error.message})`, "leave isolation out, or set up git there");
      }
      if (error instanceof CrucibleError) throw refused(error.message, "leave isolation out, or install git");
      throw error;
    }
  }

  async #add({ id, folder, record }: Place, signal: AbortSignal): Promise<void> {
    const { checkout, commit } = record;
    try {
      // Written down first: a daemon that dies in between leaves nothing that the next one does not know of.
      await writeFile(this.#recordFile(id), JSON.stringify(record), { mode: 0o600 });
      await mkdir(folder, { mode: 0o700 });
      const args = ["worktree", "add", "--detach", "--quiet", folder, commit];
      const worktrees = dirname(record.gitDirectory);
      await mkdir(worktrees, { recursive: true });
      const confine = this.#within({ read: [checkout, sharedBy(record)], write: [worktrees, folder] });
      await this.#inTurn(record, () => git({ args, cwd: checkout, signal, confine }));
    } catch (error) {
      await this.#discard({ id, folder, record });
      signal.throwIfAborted();
      if (!(error instanceof GitFailure)) throw error;
      throw refused(`no worktree of ${checkout} could be made (${error.message})`, "leave isolation out");
    }
  }

  /** The same subfolder as the caller's; what is committed there may be a link to anywhere. */
  async #folderIn(place: Place, below: string): Promise<string> {
    const wanted = join(place.folder, below);
    try {
      await mkdir(wanted, { recursive: true });
      const real = await realpath(wanted);
      if (real === resolve(wanted)) return real;
      throw refused(`${below} is a link in the last commit`, "leave isolation out");
    } catch (error) {
      await this.#discard(place);
      if (!isSystemError(error, "EEXIST", "ENOTDIR", "ENOENT", "ELOOP")) throw error;
      throw refused(`${below} is no folder in the last commit`, "leave isolation out");
    }
  }

  // What cannot be saved stays where it is: work is never thrown away.
  async #finish(place: Place): Promise<PatchArtifact> {
    const { folder, record } = place;
    const base = record.commit;
    try {
      const patch = await this.#save(place);
      await this.#discard(place);
      return { kind: "patch", base, ...patch };
    } catch (error) {
      this.#onWarning(`no patch could be made of ${folder}, which is left as it is: ${messageOf(error)}`);
      return { kind: "patch", base, path: null, bytes: 0, apply: null, kept: folder, error: messageOf(error) };
    }
  }

  async #save({ id, folder, record }: Place): Promise<Pick<PatchArtifact, "path" | "bytes" | "apply">> {
    await mkdir(this.#patches, { recursive: true, mode: 0o700 });
    const path = join(await realpath(this.#patches), `${id}.patch`);
    await rm(path, { force: true });
    // An index of its own: the child's may be locked by a git that was ended.
    const index = join(record.gitDirectory, "crucible.index");
    const common = sharedBy(record);
    const confine = this.#within({ read: [folder, common], write: [join(common, "objects"), record.gitDirectory] });
    const env = { GIT_DIR: record.gitDirectory, GIT_WORK_TREE: folder, GIT_INDEX_FILE: index };
    try {
      await git({ args: ["read-tree", "HEAD"], cwd: folder, env, confine });
      await git({ args: ["add", "--all"], cwd: folder, env, confine });
      const shape = [
        "--cached",
        "--binary",
        "--full-index",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
      ];
      const prefixes = ["--src-prefix=a/", "--dst-prefix=b/"];
      await git({ args: ["diff", ...shape, ...prefixes, record.commit], cwd: folder, env, confine, outputFile: path });
    } finally {
      await rm(index, { force: true });
    }
    const { size } = await stat(path);
    if (size > 0) return { path, bytes: size, apply: `git -C ${quoted(record.checkout)} apply ${quoted(path)}` };
    await rm(path);
    return { path: null, bytes: 0, apply: null };
  }

  /** As `git worktree remove --force` does it, but believing nothing that stands in the worktree. */
  async #discard({ id, folder, record }: Place): Promise<void> {
    try {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
      await this.#inTurn(record, () => rm(record.gitDirectory, { recursive: true, force: true }));
      await rm(this.#recordFile(id), { force: true });
    } catch (error) {
      this.#onWarning(`the worktree ${folder} could not be removed: ${messageOf(error)}`);
    }
  }

  async #inTurn<T>({ gitDirectory }: WorktreeRecord, change: () => Promise<T>): Promise<T> {
    const list = dirname(gitDirectory);
    const outcome = (this.#turns.get(list) ?? Promise.resolve()).then(change);
    const over = outcome.then(
      () => {},
      () => {},
    );
    this.#turns.set(list, over);
    try {
      return await outcome;
    } finally {
      if (this.#turns.get(list) === over) this.#turns.delete(list);
    }
  }

  #within(places: GitPlaces): (spec: LaunchSpec) => Promise<Confined> {
    return (spec) => this.#confine(spec, places);
  }

  #recordFile(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

/** Worktrees of one repository share its objects and branches. */
function sharedBy({ gitDirectory }: WorktreeRecord): string {
  return dirname(dirname(gitDirectory));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
}

function refused(message: string, hint: string): CrucibleError {
  return isolationRefused.create(`the child can have no worktree of its own: ${message}`, { hint });
}

/** For a shell. */
function quoted(path: string): string {
  return /^[\w./@%+,:=-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
