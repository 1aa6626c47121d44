/** The folders of the socket and the state are the user's alone, or the daemon does not use them. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { preparePrivateFolder } from "../../../src/daemon/private-folder.ts";

const isRoot = process.getuid?.() === 0;
const somebodyElse = 54321;

let folder: string;
beforeEach(() => void (folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-private-")))));
afterEach(() => rmSync(folder, { recursive: true }));

function made(name: string, mode: number): string {
  const path = join(folder, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

const modeOf = (path: string): number => statSync(path).mode & 0o7777;
const refusal = (path: string): unknown => {
  try {
    preparePrivateFolder(path);
    return "accepted";
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

test("it is made with 0700, whatever the umask, and so are those above it that are missing", () => {
  const before = process.umask(0);
  try {
    preparePrivateFolder(join(folder, "a/crucible"));
  } finally {
    process.umask(before);
  }
  expect(modeOf(join(folder, "a"))).toBe(0o700);
  expect(modeOf(join(folder, "a/crucible"))).toBe(0o700);
});

test.each([0o755, 0o777, 0o770, 0o701, 0o1777])("one of its own that is wider is narrowed: %o", (mode) => {
  const path = made("crucible", mode);
  preparePrivateFolder(path);
  expect(modeOf(path) & 0o777).toBe(0o700);
});

test("one that somebody chose stays as it is when only its owner can change it, and when it is shared as /tmp is", () => {
  for (const mode of [0o700, 0o755, 0o1777]) {
    const path = made(`chosen-${mode}`, mode);
    preparePrivateFolder(path);
    expect(modeOf(path)).toBe(mode);
  }
});

test("one that everybody can change is refused, and so is one below it", () => {
  const open = made("open", 0o777);
  expect(refusal(open)).toBe("CRU_FOLDER_UNSAFE");
  expect(refusal(join(open, "crucible"))).toBe("CRU_FOLDER_UNSAFE");
  chmodSync(open, 0o1777);
  expect(refusal(join(open, "crucible"))).toBe("accepted");
});

test("another user's is refused", () => {
  let theirs = "/usr/lib";
  if (isRoot) {
    theirs = made("crucible", 0o700);
    chownSync(theirs, somebodyElse, somebodyElse);
  }
  expect(refusal(theirs)).toBe("CRU_FOLDER_UNSAFE");
});

test("a link in its place: to a folder that is private it is followed, to another one refused, and nothing behind it is changed", () => {
  const target = made("target", 0o755);
  const link = join(folder, "crucible");
  symlinkSync(target, link);
  expect(refusal(link)).toBe("CRU_FOLDER_UNSAFE");
  expect(modeOf(target)).toBe(0o755);
  chmodSync(target, 0o700);
  expect(refusal(link)).toBe("accepted");
});

test("a way to it that leads through a folder everybody can change is refused, also behind a link", () => {
  const open = made("open", 0o777);
  mkdirSync(join(open, "hidden"), { mode: 0o700 });
  symlinkSync(join(open, "hidden"), join(folder, "way"));
  expect(refusal(join(folder, "way/crucible"))).toBe("CRU_FOLDER_UNSAFE");
});

test("a link that goes up from behind another one leads where the system says, not where its text seems to", () => {
  const open = made("open", 0o777);
  mkdirSync(join(open, "hidden"), { mode: 0o700 });
  symlinkSync(join(open, "hidden"), join(folder, "jump"));
  symlinkSync(`${folder}/jump/..`, join(folder, "way"));
  expect(refusal(join(folder, "way/crucible"))).toBe("CRU_FOLDER_UNSAFE");
});
