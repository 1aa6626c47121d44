/** The files a child reads and writes through the protocol: all of its session's directory, and nothing else, by whatever path. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, inKiln, mayDelegate, openParent, script, type Parent } from "./delegating.ts";

const config = [
  scriptedProfile("parent", { delegation: mayDelegate }),
  scriptedProfile("child", {
    // Where it and a test can give each other signs outside of the kiln.
    settings: 'config_dirs = ["~/signals"]',
  }),
].join("\n");

let daemon: TestDaemon;
let parent: Parent;
let outside: string;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
    outside = join(daemon.home.folder, "outside");
    await mkdir(join(outside, "folder"), { recursive: true });
    await writeFile(join(outside, "secret.txt"), "the secret");
    // A neighbour whose name begins like the kiln's.
    await mkdir(`${daemon.kiln}-neighbour`);
    await writeFile(`${daemon.kiln}-neighbour/secret.txt`, "the secret");
  },
  close: () => endOf(daemon, [parent]),
});

const kiln = (name: string): string => inKiln(daemon, name);

/** What the child says to these directives. */
async function childDoes(...lines: string[]): Promise<string> {
  const result = await parent.delegate({ agent: "child", task: script(...lines) });
  expect(result).toMatchObject({ status: "completed" });
  return result.result;
}

async function childFails(line: string): Promise<{ code: number; message: string; data?: { code?: string } }> {
  const said = await childDoes(line);
  expect(said).toMatch(/^\{"error":/);
  return (JSON.parse(said) as { error: { code: number; message: string } }).error;
}

async function expectOutside(line: string): Promise<void> {
  const { message, data } = await childFails(line);
  expect(message).toMatch(/outside/);
  expect(message).not.toContain("the secret");
  expect(data?.code).toBe("CRU_KILN_OUTSIDE");
}

describe("inside", () => {
  test("a file is read as it is", async () => {
    const text = "first\nzweite Zeile\n三\n\n";
    await writeFile(kiln("plain.txt"), text);
    expect((await childDoes("read plain.txt")).trim()).toBe(text.trim());
    expect(await childDoes(`request fs/read_text_file {"path":${JSON.stringify(kiln("plain.txt"))}}`)).toBe(
      JSON.stringify({ content: text }),
    );
  });

  test.each([
    [{ line: 2 }, "b\nc\nd\n"],
    [{ line: 2, limit: 2 }, "b\nc"],
    [{ limit: 1 }, "a"],
    [{ line: 4, limit: 10 }, "d\n"],
    [{ line: 100 }, ""],
    [{ line: 1, limit: 0 }, ""],
  ])("%o gives that part of it", async (range, part) => {
    await writeFile(kiln("lines.txt"), "a\nb\nc\nd\n");
    const params = JSON.stringify({ path: kiln("lines.txt"), ...range });
    expect(await childDoes(`request fs/read_text_file ${params}`)).toBe(JSON.stringify({ content: part }));
  });

  test("a file is written, also over a longer one, also in folders that are not there yet", async () => {
    await writeFile(kiln("long.txt"), "something much longer than what comes");
    expect(await childDoes("write long.txt short", 'write a/b/c/deep.txt "gr\\u00fc\\u00df"')).toContain("wrote");
    expect(await readFile(kiln("long.txt"), "utf8")).toBe("short");
    expect(await readFile(kiln("a/b/c/deep.txt"), "utf8")).toBe("grüß");
  });

  test("an empty text empties the file", async () => {
    await writeFile(kiln("full.txt"), "full");
    await childDoes('write full.txt ""');
    expect(await readFile(kiln("full.txt"), "utf8")).toBe("");
  });

  test("paths that turn around inside are fine, and so are links that stay inside", async () => {
    await mkdir(kiln("real"), { recursive: true });
    await writeFile(kiln("real/file.txt"), "linked to");
    await symlink(kiln("real"), kiln("link"));
    await symlink("real/file.txt", kiln("file-link"));
    expect(await childDoes(`read ${kiln("real/../real/./file.txt")}`)).toBe("linked to");
    expect(await childDoes("read link/file.txt")).toBe("linked to");
    expect(await childDoes("write file-link changed", "read real/file.txt")).toContain("changed");
    expect(await childDoes("write link/new.txt hello")).toContain("wrote");
    expect(await readFile(kiln("real/new.txt"), "utf8")).toBe("hello");
  });

  test("names with spaces, newlines, dots and other alphabets are names", async () => {
    for (const name of ["with space.txt", "..dots..", "new\nline", "файл", "...", "emoji 🦀"]) {
      await childDoes(`write ${JSON.stringify(name)} ${JSON.stringify(name)}`);
      expect(await readFile(kiln(name), "utf8")).toBe(name);
      expect((await childDoes(`read ${JSON.stringify(name)}`)).trim()).toBe(name);
    }
  });

  test("a missing file is -32002 with ENOENT in the message, which agents look for before they create one", async () => {
    for (const name of ["nowhere.txt", "no/such/folder/file.txt", "plain.txt/below"]) {
      await writeFile(kiln("plain.txt"), "a file");
      const { code, message } = await childFails(`read ${name}`);
      expect(code).toBe(-32002);
      expect(message).toContain("ENOENT");
      expect(message).toContain(name);
    }
  });
});

describe("outside is refused, by", () => {
  test("an absolute path", async () => {
    await expectOutside(`read ${outside}/secret.txt`);
    await expectOutside("read /etc/passwd");
    await expectOutside(`write ${outside}/new.txt x`);
    expect(existsSync(join(outside, "new.txt"))).toBe(false);
  });

  test("a neighbour whose name begins the same", async () => {
    await expectOutside(`read ${daemon.kiln}-neighbour/secret.txt`);
    await expectOutside(`write ${daemon.kiln}-neighbour/new.txt x`);
  });

  test("..", async () => {
    await expectOutside("read ../outside/secret.txt");
    await expectOutside(`read ${daemon.kiln}/sub/../../outside/secret.txt`);
    await expectOutside("write ../outside/new.txt x");
    await expectOutside("write made-up/../../outside/new.txt x");
    expect(existsSync(join(outside, "new.txt"))).toBe(false);
  });

  test("a path that does not tell whether something is there", async () => {
    await expectOutside(`read ${outside}/nothing-here.txt`);
    await expectOutside(`read ${outside}/no/folder/either.txt`);
  });

  test("a link to a file", async () => {
    await symlink(join(outside, "secret.txt"), kiln("leak"));
    await expectOutside("read leak");
    await expectOutside("write leak overwritten");
    expect(await readFile(join(outside, "secret.txt"), "utf8")).toBe("the secret");
  });

  test("a relative link, and one over another", async () => {
    await symlink("../outside/secret.txt", kiln("leak-relative"));
    await symlink("leak-relative", kiln("leak-twice"));
    await expectOutside("read leak-relative");
    await expectOutside("read leak-twice");
    await expectOutside("write leak-twice x");
  });

  test("a link to a folder", async () => {
    await symlink(outside, kiln("leak-folder"));
    await expectOutside("read leak-folder/secret.txt");
    await expectOutside("write leak-folder/new.txt x");
    await expectOutside("write leak-folder/deeper/new.txt x");
    expect(existsSync(join(outside, "new.txt"))).toBe(false);
    expect(existsSync(join(outside, "deeper"))).toBe(false);
  });

  test("a link to nothing: what is written does not appear at its target", async () => {
    await symlink(join(outside, "not-yet.txt"), kiln("dangling"));
    await expectOutside("write dangling x");
    await childFails("read dangling");
    expect(existsSync(join(outside, "not-yet.txt"))).toBe(false);
  });

  test("a link into a folder that is not there: none is made", async () => {
    await symlink(join(outside, "not-there"), kiln("dangling-folder"));
    await childFails("write dangling-folder/x.txt x");
    expect(existsSync(join(outside, "not-there"))).toBe(false);
  });

  test("/proc, which leads anywhere", async () => {
    await expectOutside("read /proc/self/root/etc/passwd");
    await expectOutside("read /proc/self/environ");
  });
});

describe("what is no ordinary file or no proper path", () => {
  test("a relative path is refused: paths in ACP are absolute", async () => {
    const { message, code } = await childFails('request fs/read_text_file {"path":"plain.txt"}');
    expect(code).toBe(-32602);
    expect(message).toMatch(/absolute/);
    await childFails('request fs/write_text_file {"path":"relative.txt","content":"x"}');
    expect(existsSync(kiln("relative.txt"))).toBe(false);
  });

  test.each([
    ["no path", "fs/read_text_file", {}],
    ["a path that is no string", "fs/read_text_file", { path: 7 }],
    ["a NUL in the path", "fs/read_text_file", { path: "/x\0y" }],
    ["no content", "fs/write_text_file", { path: "/x" }],
    ["content that is no string", "fs/write_text_file", { path: "/x", content: { a: 1 } }],
  ])("%s is -32602", async (_, method, params) => {
    expect((await childFails(`request ${method} ${JSON.stringify(params)}`)).code).toBe(-32602);
  });

  test("a FIFO neither blocks nor is read or written", async () => {
    execFileSync("mkfifo", [kiln("fifo")]);
    expect((await childFails("read fifo")).message).toMatch(/not an ordinary file/);
    expect((await childFails("write fifo x")).message).toMatch(/not an ordinary file/);
  });

  test("a folder", async () => {
    await mkdir(kiln("some-folder"), { recursive: true });
    expect((await childFails("read some-folder")).message).toMatch(/not an ordinary file/);
    expect((await childFails("write some-folder x")).message).toMatch(/not an ordinary file/);
    expect((await childFails(`read ${daemon.kiln}`)).message).toMatch(/not an ordinary file/);
  });

  test("a device, and a socket", async () => {
    await expectOutside("read /dev/zero");
    await expectOutside(`write ${daemon.home.socket} x`);
  });

  test("a file too large for a message, told with its size", async () => {
    await writeFile(kiln("huge.bin"), Buffer.alloc(33 * 1024 * 1024));
    expect((await childFails("read huge.bin")).message).toMatch(/33\.0 MiB/);
    await rm(kiln("huge.bin"));
  });

  test("a folder in which nothing may be made: the answer says so, and names the path", async () => {
    // The superuser may write anywhere; the file system's own refusal is what a plain user meets.
    if (process.getuid?.() === 0) return;
    await mkdir(kiln("locked"), { recursive: true });
    await chmod(kiln("locked"), 0o500);
    expect((await childFails("write locked/x x")).message).toContain("locked/x");
  });

  test("a name longer than the file system takes: likewise an expected answer", async () => {
    for (const line of [`read ${"x".repeat(300)}`, `write ${"x".repeat(300)} x`]) {
      const { message, data } = await childFails(line);
      expect(message).not.toMatch(/internal error/);
      expect(data?.code).toMatch(/^CRU_/);
    }
  });

  test("a file in place of a folder: the answer is an expected one, and no internal error", async () => {
    await writeFile(kiln("a-file"), "x");
    const { message, data } = await childFails("write a-file/below.txt x");
    expect(message).not.toMatch(/internal error/);
    expect(data?.code).toMatch(/^CRU_/);
  });
});

test("a kiln that was renamed while its session is open is not looked for elsewhere", async () => {
  const moved = join(daemon.home.folder, "moved-kiln");
  const signals = join(daemon.home.folder, "home/signals");
  await mkdir(signals);
  await mkdir(join(daemon.home.folder, "moving"));
  await writeFile(join(daemon.home.folder, "moving/file.txt"), "there");
  await using mover = await openParent(daemon, "parent", { cwd: join(daemon.home.folder, "moving") });
  const task = script("read file.txt", `touch ${signals}/mv.began`, `wait-for ${signals}/mv.go`, "read file.txt");
  const turn = mover.startTurn(`delegate ${JSON.stringify({ agent: "child", task })}`);
  await until(() => existsSync(join(signals, "mv.began")), { what: "the child to begin" });
  await rename(join(daemon.home.folder, "moving"), moved);
  await writeFile(join(signals, "mv.go"), "");
  await turn.answer();
  const { result, status } = JSON.parse(mover.editor.text(mover.session)) as { result: string; status: string };
  expect(status).toBe("completed");
  expect(result).toMatch(/^there\n\{"error"/);
});

test("the parent's own file requests go to its editor, not to the disk", async () => {
  await writeFile(kiln("on-disk.txt"), "on disk");
  parent.editor.onRequest("fs/read_text_file", ({ path }) => ({ content: `unsaved in the editor: ${String(path)}` }));
  expect((await parent.prompt("read on-disk.txt")).text).toBe(`unsaved in the editor: ${kiln("on-disk.txt")}`);
});

test("a child has no terminal of its editor's", async () => {
  await childDoes('request terminal/create {"command":"true"}');
  expect(parent.editor.received.filter(({ method }) => method?.startsWith("terminal/"))).toEqual([]);
});
