/** A repository counts as a directory's own only if both say so; whatever stands in the directory alone proves nothing. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { strangeRepository } from "../../../src/daemon/own-repository.ts";
import { git as runGit } from "../../support/git.ts";

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-repository-")));
  for (const name of ["project", "secret"]) {
    mkdirSync(join(folder, name));
    git(name, "init", "-q");
    git(name, "commit", "-q", "--allow-empty", "-m", "first");
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

const git = (name: string, ...args: string[]): string => runGit(join(folder, name), ...args);

/** As the daemon asks git. */
function look(name: string): Promise<string | undefined> {
  const cwd = join(folder, name);
  return strangeRepository({
    cwd,
    checkout: git(name, "rev-parse", "--show-toplevel"),
    gitDirectory: git(name, "rev-parse", "--absolute-git-dir"),
    commonDirectory: resolve(cwd, git(name, "rev-parse", "--git-common-dir")),
  });
}

test("a checkout's, a folder's below it, and a linked worktree's are their own", async () => {
  mkdirSync(join(folder, "project/below"));
  git("project", "worktree", "add", "-q", "--detach", join(folder, "linked"));
  for (const name of ["project", "project/below", "linked"]) expect(await look(name)).toBeUndefined();
});

test("another one's is not: named by a file, by a link, by a folder with a pointer, or as where the work is", async () => {
  const own = join(folder, "project/.git");
  const theirs = join(folder, "secret/.git");
  renameSync(own, join(folder, "project/.git.away"));

  writeFileSync(own, `gitdir: ${theirs}\n`);
  expect(await look("project")).toContain("belongs to another checkout");
  rmSync(own);

  symlinkSync(theirs, own);
  expect(await look("project")).toContain("belongs to another checkout");
  rmSync(own);

  mkdirSync(own);
  writeFileSync(join(own, "HEAD"), "ref: refs/heads/master\n");
  writeFileSync(join(own, "commondir"), `${theirs}\n`);
  expect(await look("project")).toContain("belongs to another checkout");
  rmSync(own, { recursive: true });

  renameSync(join(folder, "project/.git.away"), own);
  git("project", "config", "core.worktree", join(folder, "secret"));
  expect(await look("project")).toContain("does not hold it");
});

test("a worktree of somebody else's repository is not, when that does not know it", async () => {
  git("secret", "worktree", "add", "-q", "--detach", join(folder, "linked"));
  rmSync(join(folder, "project/.git"), { recursive: true });
  writeFileSync(join(folder, "project/.git"), `gitdir: ${join(folder, "secret/.git/worktrees/linked")}\n`);
  expect(await look("project")).toContain("belongs to another checkout");
});
