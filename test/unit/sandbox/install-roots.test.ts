/** What of a script's package its agent is shown, where the package as a whole would be more than an installation. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installRoots } from "../../../src/sandbox/install-roots.ts";

let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "cru-roots-")));
  for (const name of ["node_modules", "test/agents", "state", "notes"])
    mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, "package.json"), "{}");
  writeFileSync(join(root, "test/agents/agent.mjs"), "");
});
afterAll(() => rmSync(root, { recursive: true }));

function shown({ home = "/nobody", guarded = [] as string[] } = {}): string[] {
  const search = { guarded, home, searchPath: "" };
  return installRoots("/bin/sh", [join(root, "test/agents/agent.mjs")], search).readable.filter((path) =>
    path.startsWith(root),
  );
}

test("the package whole, where it holds nothing else", () => {
  expect(shown()).toEqual([root]);
});

test("where it is the home, or holds what is Crucible's: the script's folder, the packages and what kind of modules it has", () => {
  const parts = [join(root, "test/agents"), join(root, "package.json"), join(root, "node_modules")];
  expect(shown({ home: root })).toEqual(parts);
  expect(shown({ guarded: [join(root, "state")] })).toEqual(parts);
});
