/**
 * A session in a worktree that its user made (`git worktree add`): its repository lies outside of the kiln. Children in the
 * sandbox commit there, and reach no repository that does not name the kiln as its worktree. Real git, real sandbox.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { git as gitIn } from "../support/git.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, openParent, type Call } from "./delegating.ts";

const config = [
  '[permissions]\ndefault = "allow"\n',
  scriptedProfile("parent", { delegation: "enabled = true" }),
  scriptedProfile("child"),
].join("\n");

let daemon: TestDaemon;
let repository: string;
let kiln: string;
shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    repository = at("repository");
    mkdirSync(repository);
    git("init", "--quiet");
    git("commit", "--quiet", "--allow-empty", "-m", "first");
    kiln = worktree("linked");
  },
  close: () => endOf(daemon),
});

const at = (...names: string[]): string => join(daemon.home.folder, ...names);

const git = (...args: string[]): string => gitIn(repository, ...args);

function worktree(name: string): string {
  git("worktree", "add", "--quiet", "-b", name, at(name));
  return at(name);
}

async function delegated(cwd: string, call: Partial<Call> & { read_only?: boolean }): Promise<DelegationResult> {
  await using parent = await openParent(daemon, "parent", { cwd });
  return await parent.delegate({ agent: "child", task: "", ...call });
}

/** What a shell says in a child of a session that is opened there, stderr too. */
async function shell(cwd: string, command: string, more: { read_only?: boolean } = {}): Promise<string> {
  const result = await delegated(cwd, { task: `shell ${JSON.stringify(command)}`, ...more });
  expect(result).toMatchObject({ status: "completed" });
  return result.result;
}

const commit = "git -c user.name=c -c user.email=c@example.org commit -qm 'by the child'";

describe("a child in it", () => {
  test("commits, makes branches and sets work aside", async () => {
    const said = await shell(
      kiln,
      `echo new > new.txt && git add . && ${commit} && git checkout -q -b further && echo more >> new.txt && git stash -q && git status -sb`,
    );
    expect(said).toBe("## further");
    expect(git("log", "--format=%s", "linked")).toBe("by the child\nfirst");
  });

  test("changes nothing by which the repository's other checkouts would start a program", async () => {
    const common = join(repository, ".git");
    const before = readFileSync(join(common, "config"), "utf8");
    const tries = [
      `git config core.fsmonitor ./evil`,
      `echo x > ${common}/hooks/post-checkout`,
      `echo ${kiln} > ${common}/commondir`,
      `mv ${common}/hooks ${common}/away`,
      `mv ${common}/config ${common}/refs/config`,
      `mkdir ${common}/modules`,
      `echo x > ${common}/index`,
    ];
    const said = await shell(kiln, tries.map((one) => `(${one}) 2>/dev/null && echo done`).join("; ") + "; echo over");
    expect(said).toBe("over");
    expect(readFileSync(join(common, "config"), "utf8")).toBe(before);
    for (const name of ["hooks/post-checkout", "commondir", "modules"]) {
      expect(existsSync(join(common, name))).toBe(false);
    }
  });

  test("with read_only reads the history and adds nothing to it", async () => {
    const said = await shell(kiln, `git log --format=%s main; ${commit} --allow-empty`, { read_only: true });
    expect(said).toMatch(/^first\n.*[Rr]ead-only file system/s);
  });

  test("commits where the repository has no checkout of its own", async () => {
    git("clone", "--quiet", "--bare", ".", at("bare.git"));
    git("-C", at("bare.git"), "worktree", "add", "--quiet", at("of-bare"), "main");
    expect(await shell(at("of-bare"), `${commit} --allow-empty && git log -1 --format=%s`)).toBe("by the child");
  });
});

test("a .git file opens nothing where the repository names another kiln, as of a worktree that was copied", async () => {
  cpSync(kiln, at("copied"), { recursive: true });
  const said = await shell(at("copied"), `git log --all --format=%s; cat ${repository}/.git/config`);
  expect(said).toMatch(/not a git repository.*No such file/s);
});

test("a link put in the place of what git writes to, after the session was opened, is not followed", async () => {
  await using parent = await openParent(daemon, "parent", { cwd: worktree("swapped") });
  mkdirSync(at("keys"));
  const refs = join(repository, ".git/refs");
  renameSync(refs, `${refs}.away`);
  symlinkSync(at("keys"), refs);
  const result = await parent.delegate({ agent: "child", task: `shell "echo x > ${refs}/planted"` });
  rmSync(refs);
  renameSync(`${refs}.away`, refs);
  expect(result).toMatchObject({ status: "refused", error: { code: "CRU_SANDBOX_PLACE" } });
  expect(existsSync(at("keys/planted"))).toBe(false);
});
