/** Directories that are mounted are those that were checked, whatever is put in their place. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFolders } from "../../../src/sandbox/opened-folders.ts";

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-opened-")));
  mkdirSync(join(folder, "kiln/below"), { recursive: true });
  mkdirSync(join(folder, "secret/below"), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a directory is opened as it is", () => {
  const opened = openFolders([join(folder, "kiln/below")]);
  expect([...opened.byPath.keys()]).toEqual([join(folder, "kiln/below")]);
  opened.close();
});

test.each(["kiln", "kiln/below"])("%s that became a link to another place is refused", (name) => {
  renameSync(join(folder, name), join(folder, "aside"));
  symlinkSync(join(folder, name.replace("kiln", "secret")), join(folder, name));
  expect(() => openFolders([join(folder, "kiln/below")])).toThrow(/is not what it was a moment ago/);
});

test("one that is gone is refused", () => {
  expect(() => openFolders([join(folder, "kiln/gone")])).toThrow(/is not what it was/);
});
