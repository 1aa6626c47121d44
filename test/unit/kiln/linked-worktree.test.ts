/** A `.git` file names a repository only if that repository names the directory as its worktree. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linkedWorktreeAt } from "../../../src/kiln/linked-worktree.ts";
import { git } from "../../support/git.ts";

let folder: string;
let common: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-linked-")));
  common = at("repository/.git");
  const repository = at("repository");
  mkdirSync(repository);
  git(repository, "init", "-q");
  git(repository, "commit", "-q", "--allow-empty", "-m", "first");
  git(repository, "worktree", "add", "-q", at("linked"));
  symlinkSync(at("repository"), at("alias"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const at = (...names: string[]): string => join(folder, ...names);

function write(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

/** What a repository keeps for a worktree, as anybody could write it. */
function forge(own: string, { gitdir, commondir }: { gitdir: string; commondir: string }): void {
  write(join(own, "gitdir"), `${gitdir}\n`);
  write(join(own, "commondir"), `${commondir}\n`);
}

test("one that git made is found, also through links and by a relative path", () => {
  const found = { own: join(common, "worktrees/linked"), common };
  expect(linkedWorktreeAt(at("linked"))).toEqual(found);
  write("linked/.git", `gitdir: ${at("alias/.git/worktrees/linked")}\n`);
  expect(linkedWorktreeAt(at("linked"))).toEqual(found);
  write("linked/.git", "gitdir: ../repository/.git/worktrees/linked");
  expect(linkedWorktreeAt(at("linked"))).toEqual(found);
});

test("an ordinary checkout, a folder below a worktree and a folder without git are none", () => {
  mkdirSync(at("linked/below"));
  for (const name of ["repository", "linked/below", "nowhere"]) expect(linkedWorktreeAt(at(name))).toBeUndefined();
});

test.each([
  ["another repository", () => common],
  ["another's worktree", () => join(common, "worktrees/linked")],
  ["a forgery in the kiln that leads to another repository", () => "fake/worktrees/x"],
  ["a worktree of another, through a link", () => "through/worktrees/linked"],
  ["a folder that is no repository", () => at("plain/worktrees/x")],
  ["nothing", () => ""],
])("a .git file in a project that names %s is not believed", (_, named) => {
  const back = at("project/.git");
  rmSync(at("project"), { recursive: true, force: true });
  forge("project/fake/worktrees/x", { gitdir: back, commondir: common });
  forge("plain/worktrees/x", { gitdir: back, commondir: "../.." });
  symlinkSync(common, at("project/through"));
  write("project/.git", `gitdir: ${named()}\n`);
  expect(linkedWorktreeAt(at("project"))).toBeUndefined();
});

test("a repository whose folders are links is not believed: they could lead anywhere", () => {
  forge("odd/.git/worktrees/x", { gitdir: at("project2/.git"), commondir: "../.." });
  write("project2/.git", `gitdir: ${at("odd/.git/worktrees/x")}\n`);
  mkdirSync(at("odd/.git/refs"));
  symlinkSync(at("repository"), at("odd/.git/objects"));
  expect(linkedWorktreeAt(at("project2"))).toBeUndefined();
  rmSync(at("odd/.git/objects"));
  mkdirSync(at("odd/.git/objects"));
  expect(linkedWorktreeAt(at("project2"))).toMatchObject({ common: at("odd/.git") });
});

test("a .git that is a link or a pipe is not even read", () => {
  mkdirSync(at("other"));
  symlinkSync(at("linked/.git"), at("other/.git"));
  expect(linkedWorktreeAt(at("other"))).toBeUndefined();
  rmSync(at("other/.git"));
  execFileSync("mkfifo", [at("other/.git")]);
  expect(linkedWorktreeAt(at("other"))).toBeUndefined();
});
