/** Which of the paths that a profile names its agent will not find in its sandbox. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SandboxPolicy } from "../../../src/sandbox/confinement.ts";
import { filesOfVariables, pathOfArgument, unreached } from "../../../src/sandbox/named-paths.ts";

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-named-")));
  for (const name of ["kiln", "program"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "program/main.mjs"), "");
  writeFileSync(join(folder, "notes.json"), "{}");
});
afterAll(() => rmSync(folder, { recursive: true }));

function policy(env: Record<string, string>, opensArguments = true): SandboxPolicy {
  return { profile: { env }, opensArguments } as unknown as SandboxPolicy;
}

function told(args: string[], { env = {}, mechanism = "bwrap", opensArguments = true } = {}): string[] {
  const reach = { writable: [join(folder, "kiln")], readable: [join(folder, "program")] };
  return unreached(args, { policy: policy(env, opensArguments), reach, mechanism } as never);
}

test.each([
  ["/a/b", "/a/b"],
  ["--log=/a/b", "/a/b"],
  ["-l=/a/b", "/a/b"],
  ["--import=file:///a/b%20c", "/a/b c"],
  ["file://%", "file://%"],
  ["a=/b", "a=/b"],
  ["--flag", "--flag"],
])("the argument %s names %s", (arg, path) => {
  expect(pathOfArgument(arg)).toBe(path);
});

test("a file that is not there, and one that could be made only where it cannot write, are told of", () => {
  const log = join(folder, "program/new.log");
  expect(told([join(folder, "program/main.mjs"), `--log=${log}`], { env: { OUT: join(folder, "out.txt") } })).toEqual([
    `${log}, which its arguments name, lies where it can only read`,
    `${folder}/out.txt, which its variable OUT names, is not there inside, and what is written there is lost`,
  ]);
});

test("so are those in a script that a shell is given, of which nothing is opened", () => {
  const script = `cd "${folder}/kiln"; exec ${folder}/notes.json --out='${folder}/out.txt' 2>/dev/null`;
  expect(told(["-c", script])).toEqual(
    ["notes.json", "out.txt"].map(
      (name) => `${folder}/${name}, which its arguments name, is not there inside, and what is written there is lost`,
    ),
  );
  expect(told(["-c", "~/a-program x"])).toEqual([expect.stringContaining("/a-program, which its arguments name")]);
  expect(told(["-c", '"${HOME}/a-program" x'])).toHaveLength(1);
});

test("nothing is said of what it reaches, of the system, of words that only look like paths, nor of an agent's own words", () => {
  const own = [join(folder, "kiln/new.log"), "/usr/bin/env", "/help", "/no/such/folder", "word"];
  expect(told(own)).toEqual([]);
  expect(told([], { env: { TMPDIR: folder } })).toEqual([]);
  expect(told([join(folder, "out.txt")], { opensArguments: false })).toEqual([]);
});

test("temporary folders are the machine's own in all but bubblewrap", () => {
  const path = join(realpathSync(tmpdir()), "cru-named.log");
  expect(told([path], { mechanism: "bwrap" })).toHaveLength(1);
  expect(told([path], { mechanism: "landlock" })).toEqual([]);
});

test("a file that a variable of the profile names is opened, a folder and an agent's own word are not", () => {
  const env = { NOTES: join(folder, "notes.json"), FOLDER: folder, WORD: "x" };
  expect(filesOfVariables(policy(env))).toEqual([env.NOTES]);
  expect(filesOfVariables(policy(env, false))).toEqual([]);
});
