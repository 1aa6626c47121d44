/** What a pattern of `[kiln] deny` forbids: in doubt more than it says, and never less by another spelling. */
import { mkdirSync, symlinkSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { expect, test } from "vitest";
import { denyGlob, denyingPattern } from "../../../src/kiln/deny-glob.ts";

test.each([
  ["**/.env", "/kiln/.env"],
  ["**/.env", "/kiln/deep/er/.env"],
  [".env", "/kiln/deep/er/.env"],
  ["./.env", "/kiln/.env"],
  ["config/prod.json", "/kiln/app/config/prod.json"],
  ["*.pem", "/kiln/.hidden/.key.pem"],
  ["**/secrets", "/kiln/secrets/a/b"],
  ["**/secrets/", "/kiln/secrets/a"],
  ["**/.git/hooks/**", "/kiln/.git/hooks/pre-commit"],
  ["**/.git/hooks/**", "/kiln/.git/hooks"],
  ["**/.env*", "/kiln/.env.local"],
  ["/etc/{passwd,shadow}", "/etc/shadow"],
  ["~/.ssh", join(homedir(), ".ssh", "id_ed25519")],
  ["**", "/kiln/anything"],
])("%s forbids %s", (pattern, path) => {
  expect(denyingPattern([denyGlob(pattern)], path)).toBe(pattern);
});

test.each([
  ["**/.env", "/kiln/env"],
  ["**/.env", "/kiln/.env.example"],
  ["*.pem", "/kiln/pem"],
  ["**/.git/hooks/**", "/kiln/.git/config"],
  ["/etc/passwd", "/kiln/etc/passwd"],
  ["!**/.env", "/kiln/other"],
])("%s does not forbid %s", (pattern, path) => {
  expect(denyingPattern([denyGlob(pattern)], path)).toBeUndefined();
});

test.each([
  ["capitals", "/kiln/.ENV"],
  ["a sign that folds to a letter", "/kiln/a.\u212Aey"],
  ["characters nobody sees", "/kiln/.e\u200Dn\uFEFFv"],
  ["a dot or space at the end", "/kiln/.env. "],
  ["a line break above it", "/kiln/new\nline\u2028/.env"],
  ["a decomposed letter", "/kiln/schlu\u0308ssel"],
])("another spelling of the same name is forbidden too: %s", (_, path) => {
  const deny = ["**/.env", "**/*.key", "**/Schl\u00FCssel"].map(denyGlob);
  expect(denyingPattern(deny, path)).toBeDefined();
});

test("a pattern that begins with a link forbids what lies behind it", async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "cru-deny-")));
  mkdirSync(join(folder, "real [1]"));
  symlinkSync(join(folder, "real [1]"), join(folder, "link"));
  const deny = [denyGlob(join(folder, "link", "*.key"))];
  expect(denyingPattern(deny, join(folder, "real [1]", "a.key"))).toBeDefined();
  expect(denyingPattern(deny, join(folder, "link", "a.key"))).toBeDefined();
  expect(denyingPattern(deny, join(folder, "real [1]", "a.txt"))).toBeUndefined();
  await rm(folder, { recursive: true });
});

test("whatever stands above or below a forbidden name, in whatever case, it stays forbidden", () => {
  const name = fc.string({ minLength: 1, unit: "grapheme" }).map((text) => text.replace(/[/\0]/g, "x"));
  const segments = fc.array(
    name.filter((text) => !/^\.+$/.test(text)),
    { maxLength: 4 },
  );
  const [glob] = [denyGlob("**/.Env")];
  fc.assert(
    fc.property(segments, segments, fc.constantFrom(".env", ".ENV", ".eNv"), (above, below, middle) => {
      expect(glob.matches(["", ...above, middle, ...below].join("/"))).toBe(true);
    }),
  );
});
