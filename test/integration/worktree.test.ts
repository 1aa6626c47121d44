/** `isolation = "worktree"`: the child works on a copy, the caller's checkout is never touched, and a patch comes back. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { until } from "../support/conditions.ts";
import { createTestHome, scriptedProfile, serve, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { git as gitIn } from "../support/git.ts";
import { assertNoChildren, callDelegate, mayDelegate, openParent, script, type Parent } from "./delegating.ts";

const config = [
  scriptedProfile("parent", { delegation: mayDelegate }),
  scriptedProfile("careful", { delegation: mayDelegate }),
  '[acp.agents.careful.permissions]\ndefault = "deny"\nallow = ["mcp:crucible *", "edit:src/**"]\ndeny = ["edit:src/keys/*"]\n',
  scriptedProfile("other"),
  scriptedProfile("dying", { flags: ["--exit-at", "session"] }),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;

beforeEach(async () => {
  daemon = await startDaemon({ config });
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
});

const git = (...args: string[]): string => gitIn(daemon.kiln, ...args);

/** A checkout with two commits and something that is not committed. */
function makeCheckout(): void {
  git("init", "--quiet");
  mkdirSync(join(daemon.kiln, "src"));
  writeFileSync(join(daemon.kiln, "src/a.txt"), "one\n");
  writeFileSync(join(daemon.kiln, ".gitignore"), "ignored\n");
  git("add", ".");
  git("commit", "--quiet", "-m", "first");
  writeFileSync(join(daemon.kiln, "src/a.txt"), "one\nnot committed\n");
  writeFileSync(join(daemon.kiln, "untracked.txt"), "mine\n");
}

/** All that may not change: files, index, branches, worktrees. */
function picture(): string {
  return [
    git("status", "--porcelain=v2", "--branch"),
    git("diff"),
    git("for-each-ref"),
    git("worktree", "list"),
    git("stash", "list"),
  ].join("\n---\n");
}

async function ask(task: string, more: Record<string, unknown> = {}): Promise<DelegationResult> {
  const call = JSON.stringify({ agent: "other", task, isolation: "worktree", ...more });
  return JSON.parse((await parent.prompt(`delegate ${call}`)).text) as DelegationResult;
}

function patchOf(result: DelegationResult): Record<string, unknown> {
  return result.artifacts.find(({ kind }) => kind === "patch") ?? {};
}

function inState(name: string): string[] {
  const folder = join(daemon.home.stateDirectory, name);
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** What stands in a file of the state folder; empty if it is not there. */
function written(name: string): string {
  const path = join(daemon.home.stateDirectory, name);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

describe("in a checkout", () => {
  let before: string;

  beforeEach(async () => {
    makeCheckout();
    before = picture();
    parent = await openParent(daemon, "parent");
  });
  afterEach(async () => {
    await parent[Symbol.asyncDispose]();
    await until(() => inState("worktrees").length === 0, { what: "the worktrees to go" });
    expect(picture()).toBe(before);
  });

  test("the child sees the last commit, changes it, and the patch brings all of it", async () => {
    const result = await ask(
      script(
        "rawread src/a.txt",
        'rawwrite src/a.txt "one\\ntwo\\n"',
        'rawwrite new.txt "fresh\\n"',
        "rawwrite ignored no",
        "rawread untracked.txt",
        "cwd",
      ),
    );
    expect(result.status).toBe("completed");
    expect(result.result).toMatch(/^one\n/);
    expect(result.result).not.toContain("not committed");
    expect(result.result).toContain("ENOENT");
    expect(result.result).toContain(join(daemon.home.stateDirectory, "worktrees", result.delegation_id));

    const { path, bytes, base, apply } = patchOf(result);
    expect(statSync(String(path)).size).toBe(bytes);
    expect(statSync(String(path)).mode & 0o777).toBe(0o600);
    expect(base).toBe(git("rev-parse", "HEAD"));
    const patch = readFileSync(String(path), "utf8");
    expect(patch).toContain("+two");
    expect(patch).toContain("+++ b/new.txt");
    expect(patch).not.toContain("ignored");
    expect(patch).not.toContain("not committed");
    expect(apply).toBe(`git -C ${daemon.kiln} apply ${String(path)}`);
  });

  test("an agent that cannot begin leaves a fallback a fresh worktree", async () => {
    const result = await ask('rawwrite new.txt "fresh\\n"', { agent: "dying", fallbacks: ["other"] });
    expect(result).toMatchObject({ status: "completed", agent: "other", tried: [{ agent: "dying" }] });
    expect(readFileSync(String(patchOf(result)["path"]), "utf8")).toContain("+++ b/new.txt");
  });

  test("what the child committed is in the patch too, and its branches and index die with the worktree", async () => {
    // The scripted agent has no shell: its writes go through a commit made by the test in its place.
    const wait = parent.startTurn(
      `delegate ${JSON.stringify({
        agent: "other",
        isolation: "worktree",
        task: script('rawwrite committed.txt "c\\n"', "touch ready", "wait-for go", 'rawwrite later.txt "l\\n"'),
      })}`,
    );
    const folder = await until(() => {
      const id = inState("worktrees").find((name) => !name.endsWith(".json"));
      const path = join(daemon.home.stateDirectory, "worktrees", id ?? "none");
      return existsSync(join(path, "ready")) && path;
    });
    git("-C", folder, "add", "committed.txt");
    git("-C", folder, "commit", "--quiet", "-m", "by the child");
    writeFileSync(join(folder, "go"), "");
    await wait.answer();
    const result = JSON.parse(parent.editor.text(parent.session)) as DelegationResult;
    const patch = readFileSync(String(patchOf(result)["path"]), "utf8");
    expect(patch).toContain("+++ b/committed.txt");
    expect(patch).toContain("+++ b/later.txt");
  });

  test("an editor that deletes the conversation deletes its patches", async () => {
    await ask('rawwrite new.txt "fresh\\n"');
    expect(inState("patches")).toHaveLength(1);
    await parent.editor.request("session/delete", { sessionId: parent.session });
    expect(inState("patches")).toEqual([]);
  });

  test("the command that is given applies it", async () => {
    const binary = [...Array(64).keys()].map((code) => String.fromCharCode(code)).join("");
    const result = await ask(script('rawwrite new.txt "fresh\\n"', `rawwrite blob ${JSON.stringify(binary)}`));
    expect(existsSync(join(daemon.kiln, "new.txt"))).toBe(false);
    execFileSync("sh", ["-c", String(patchOf(result)["apply"])], { cwd: "/", env: daemon.home.env });
    expect(readFileSync(join(daemon.kiln, "new.txt"), "utf8")).toBe("fresh\n");
    expect(readFileSync(join(daemon.kiln, "blob"), "latin1")).toBe(binary);
    expect(git("show", "--stat", "HEAD")).not.toContain("new.txt");
    before = picture();
  });

  test("a child that changed nothing has an empty patch, and the model is told", async () => {
    const tools = await parent.tools();
    try {
      const call = { agent: "other", task: "say nothing to do", isolation: "worktree" };
      const { result, text } = await callDelegate(tools, call);
      expect(patchOf(result)).toMatchObject({ path: null, bytes: 0, apply: null });
      expect(text).toContain("changed nothing");
      expect(text).toContain("not committed");
      expect(inState("patches")).toEqual([]);
    } finally {
      await tools.close();
    }
  });

  test("child and model are told that uncommitted work is not in it, and how to apply the patch", async () => {
    const tools = await parent.tools();
    try {
      const call = { agent: "other", task: script("heard", 'rawwrite x "x\\n"'), isolation: "worktree" };
      const { result, text } = await callDelegate(tools, call);
      expect(result.result).toContain("git worktree of your own");
      expect(result.result).toContain("not committed");
      expect(text).toContain(String(patchOf(result)["apply"]));
    } finally {
      await tools.close();
    }
  });

  test("a session in a subfolder gets the same subfolder", async () => {
    await using inFolder = await openParent(daemon, "parent", { cwd: join(daemon.kiln, "src") });
    const call = JSON.stringify({ agent: "other", task: script("cwd", "rawread a.txt"), isolation: "worktree" });
    const result = JSON.parse((await inFolder.prompt(`delegate ${call}`)).text) as DelegationResult;
    expect(result.result).toMatch(/worktrees\/del_\w+\/src\none/);
  });

  test("a child that writes through Crucible may do so in its worktree only", async () => {
    const outside = join(daemon.kiln, "src/a.txt");
    const result = await ask(script('write in.txt "x\\n"', `write ${outside} broken`));
    expect(result.result).toContain("wrote in.txt");
    expect(result.result).toContain("CRU_KILN_OUTSIDE");
    expect(result.artifacts).toMatchObject([{ kind: "diff", path: "in.txt" }, { kind: "patch" }]);
  });

  test("its caller's rules mean in the worktree what they mean in the checkout", async () => {
    await parent[Symbol.asyncDispose]();
    parent = await openParent(daemon, "careful");
    const task = script("write src/b.txt x", "write other.txt x", "write src/keys/c.txt x");
    const result = await ask(task);
    expect(result.artifacts).toMatchObject([{ kind: "diff", path: "src/b.txt" }, { kind: "patch" }]);
    expect(result.result.match(/CRU_PERMISSION_DENIED/g)).toHaveLength(2);
  });

  test("a child that dies leaves a patch of what it had done", async () => {
    const result = await ask(script('rawwrite half.txt "half\\n"', "die SIGKILL"));
    expect(result.status).toBe("failed");
    expect(readFileSync(String(patchOf(result)["path"]), "utf8")).toContain("+half");
  });

  test("several at once do not see each other", async () => {
    const tasks = ["a", "b", "c"].map((name) => ({
      agent: "other",
      task: script(`rawwrite ${name}.txt ${name}`, "rawread a.txt"),
      isolation: "worktree",
    }));
    const { text } = await parent.prompt(`delegate ${JSON.stringify({ tasks })}`);
    const { results } = JSON.parse(text) as { results: DelegationResult[] };
    for (const [index, result] of results.entries()) {
      const patch = readFileSync(String(patchOf(result)["path"]), "utf8");
      expect(patch.match(/^diff --git/gm)).toHaveLength(1);
      expect(result.result.includes("ENOENT")).toBe(index > 0);
    }
  });

  test("nothing in the repository is started by it: hooks stay silent", async () => {
    const hook = join(daemon.kiln, ".git/hooks/post-checkout");
    writeFileSync(hook, `#!/bin/sh\ntouch ${join(daemon.home.folder, "hooked")}\n`, { mode: 0o755 });
    expect((await ask("say fine")).status).toBe("completed");
    expect(existsSync(join(daemon.home.folder, "hooked"))).toBe(false);
  });

  test("a worktree that the child has broken costs nothing but what it broke", async () => {
    const result = await ask(script("rawwrite .git garbage", 'rawwrite kept.txt "kept\\n"'));
    expect(result.status).toBe("completed");
    expect(readFileSync(String(patchOf(result)["path"]), "utf8")).toContain("+kept");
  });

  test("a cancelled turn takes its worktree away and keeps what was done in a patch", async () => {
    parent.startTurn(
      `delegate ${JSON.stringify({ agent: "other", isolation: "worktree", task: script("rawwrite w.txt work", "hang") })}`,
    );
    await until(() => inState("worktrees").some((id) => written(join("worktrees", id, "w.txt")) === "work"));
    parent.editor.cancel(parent.session);
    await assertNoChildren(daemon);
    await until(() => inState("patches").length === 1);
  });

  test("a daemon that is asked to end saves the work first", async () => {
    parent.startTurn(
      `delegate ${JSON.stringify({ agent: "other", isolation: "worktree", task: script("rawwrite w.txt work", "hang") })}`,
    );
    await until(() => inState("worktrees").some((id) => written(join("worktrees", id, "w.txt")) === "work"));
    await daemon.stop();
    const [patch = ""] = inState("patches");
    expect(readFileSync(join(daemon.home.stateDirectory, "patches", patch), "utf8")).toContain("+work");
    expect(inState("worktrees")).toEqual([]);
  });

  test("after a crash of the daemon the next one saves the work and removes the worktree", async () => {
    parent.startTurn(
      `delegate ${JSON.stringify({ agent: "other", isolation: "worktree", task: script("rawwrite w.txt work", "hang-hard") })}`,
    );
    await until(() => inState("worktrees").some((id) => written(join("worktrees", id, "w.txt")) === "work"));
    daemon.kill("SIGKILL");
    await daemon.exited();
    const { home } = daemon;
    daemon = await serve(home);
    const [patch = ""] = inState("patches");
    expect(readFileSync(join(home.stateDirectory, "patches", patch), "utf8")).toContain("+work");
    // The editor has outlived its daemon.
    await parent[Symbol.asyncDispose]();
    parent = await openParent(daemon, "parent");
  });
});

describe("is refused with what to do instead", () => {
  beforeEach(async () => {
    parent = await openParent(daemon, "parent");
  });
  afterEach(() => parent[Symbol.asyncDispose]());

  test("outside a git checkout", async () => {
    const result = await ask("say hi");
    expect(result).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_ISOLATION" } });
    expect(result.error?.hint).toContain("leave isolation out");
    expect(inState("worktrees")).toEqual([]);
  });

  test("where nothing was committed yet", async () => {
    git("init", "--quiet");
    const result = await ask("say hi");
    expect(result).toMatchObject({ status: "refused", error: { code: "CRU_DELEGATION_ISOLATION" } });
    expect(result.error?.message).toContain("no commit");
  });
});

test("what lies in the checkout is not taken for git, and a filter sees nothing of the daemon's environment", async () => {
  await daemon[Symbol.asyncDispose]();
  const home = await createTestHome(config);
  Object.assign(home.env, { PATH: `bin:${home.env["PATH"]}`, SOME_SECRET_KEY: "of the daemon" });
  daemon = await serve(home);
  makeCheckout();
  git("config", "filter.x.smudge", "env; cat");
  writeFileSync(join(daemon.kiln, ".git/info/attributes"), "* filter=x\n");
  const ran = join(home.folder, "ran");
  mkdirSync(join(daemon.kiln, "bin"));
  writeFileSync(join(daemon.kiln, "bin/git"), `#!/bin/sh\necho "$@" >> ${ran}\n`, { mode: 0o755 });
  parent = await openParent(daemon, "parent");
  const { result } = await ask("read src/a.txt");
  expect(result).toMatch(/^HOME=.*^one$/ms);
  expect(result).not.toContain("of the daemon");
  expect(existsSync(ran)).toBe(false);
  await parent[Symbol.asyncDispose]();
});

test("isolation shared is what happens anyway", async () => {
  parent = await openParent(daemon, "parent");
  const result = await ask(script("cwd"), { isolation: "shared" });
  expect(result.result).toBe(daemon.kiln);
  await parent[Symbol.asyncDispose]();
});
