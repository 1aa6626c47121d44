/** Which files of a directory have a name elsewhere too, and when one stops looking. */
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hardLinksIn, inWords } from "../../../src/kiln/hard-links.ts";

let folder: string;
let kiln: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-links-")));
  kiln = join(folder, "kiln");
});
afterEach(() => rmSync(folder, { recursive: true }));

const none = { count: 0, examples: [] };

function file(path: string): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, "");
  return full;
}

function linked(inKiln: string, from = `outside/${inKiln}`): void {
  mkdirSync(dirname(join(kiln, inKiln)), { recursive: true });
  linkSync(file(from), join(kiln, inKiln));
}

test("a file with a second name outside is told of, one with both names inside is not", async () => {
  linked("src/out.txt");
  linked("target/deps/in", "kiln/target/in");
  file("kiln/plain.txt");
  symlinkSync(join(folder, "outside"), join(kiln, "link"));
  expect(await hardLinksIn(kiln)).toEqual({
    own: { count: 1, examples: ["src/out.txt"] },
    shared: none,
    isComplete: true,
  });
});

test("what package managers and clones share with a store is counted apart", async () => {
  for (const name of ["node_modules/.pnpm/a/index.js", "x/lib/site-packages/b.py", ".git/objects/ab/cd"]) linked(name);
  const { own, shared } = await hardLinksIn(kiln);
  expect(own).toEqual(none);
  expect(shared).toMatchObject({ count: 3 });
});

describe("there is an end to it", () => {
  test("after so many names, the user's own before those of packages", async () => {
    for (let index = 0; index < 20; index++) linked(`node_modules/${index}`);
    linked("src/deep/own.txt");
    const links = await hardLinksIn(kiln, { names: 10 });
    expect(links).toMatchObject({ own: { count: 1 }, isComplete: false });
    expect(links.shared.count).toBeLessThan(10);
    expect(inWords(links)).toMatch(/^1 of your own files, such as src\/deep\/own\.txt; .*not all was looked at$/);
  });

  test("after some time, and when it is not wanted any more", async () => {
    linked("own.txt");
    for (const limits of [{ ms: 0 }, { signal: AbortSignal.abort() }]) {
      expect(await hardLinksIn(kiln, limits)).toEqual({ own: none, shared: none, isComplete: false });
    }
  });
});

test("names are safe to print, and there is nothing to say of no links", async () => {
  linked("evil\u001b[31m\u202e.txt");
  expect(inWords(await hardLinksIn(kiln))).toMatch(/such as evil[^\p{Cc}\p{Cf}]*$/u);
  expect(inWords(await hardLinksIn(join(folder, "outside")))).toContain("1 of your own");
  expect(inWords(await hardLinksIn(join(folder, "gone")))).toBeUndefined();
});
