/** How a session gets its kiln: from its directories within the roots, and a child from its parent, never wider. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isInside, ownFolders } from "../../../src/base/paths.ts";
import { placeIn } from "../../../src/kiln/boundary.ts";
import type { KilnRules } from "../../../src/config/config.ts";
import { inWorktree, narrowedTo, placeOfChild } from "../../../src/kiln/child-kiln.ts";
import { kilnOf, type KilnConfig } from "../../../src/kiln/open-kiln.ts";
import { toolSets, type Grant } from "../../../src/sessions/grant.ts";
import { kilnIn } from "../../support/kilns.ts";

let folder: string;
const at = (...steps: string[]): string => join(folder, ...steps);
const rules = (own: Partial<KilnRules> = {}): KilnConfig => ({
  file: at("crucible.toml"),
  kiln: { roots: undefined, read: [], write: [], deny: [], network: "open", ...own },
});
const grant = (...tools: Grant["tools"] extends ReadonlySet<infer Tool> ? Tool[] : never): Grant => ({
  remainingDepth: 1,
  depthSetBy: "root",
  targets: "all",
  targetsNarrowedBy: [],
  tools: new Set(tools.length > 0 ? tools : toolSets),
});

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "cru-kilns-")));
  mkdirSync(at("src", "app", "deep"), { recursive: true });
  mkdirSync(at("src-neighbour"));
  mkdirSync(at("elsewhere"));
  writeFileSync(at("src", "app", "file"), "");
  symlinkSync(at("src"), at("alias"));
  symlinkSync(at("elsewhere"), at("src", "leak"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a session that is opened", () => {
  test("has its directories, links resolved, and what the configuration adds", () => {
    const kiln = kilnOf(
      { cwd: at("alias", "app"), additionalDirectories: [at("elsewhere")] },
      rules({ read: [at("alias", "read")], write: [at("elsewhere")], deny: ["**/.env"] }),
    );
    expect(kiln).toMatchObject({
      directories: [at("src", "app"), at("elsewhere")],
      read: [at("src", "read")],
      write: [at("elsewhere")],
      readOnly: false,
      git: { read: [], write: [] },
    });
    expect(kiln.deny.map(({ pattern }) => pattern)).toEqual(["**/.env"]);
  });

  test("reaches the repository of a worktree that it names, unless that lies outside of the roots", () => {
    const [checkout, common] = [at("src", "tree"), at("elsewhere", "app.git")];
    const own = join(common, "worktrees/tree");
    for (const one of [checkout, own, join(common, "objects"), join(common, "refs")]) {
      mkdirSync(one, { recursive: true });
    }
    writeFileSync(join(checkout, ".git"), `gitdir: ${own}\n`);
    writeFileSync(join(own, "commondir"), "../..\n");
    writeFileSync(join(own, "gitdir"), `${checkout}/.git\n`);
    const write = ["objects", "refs", "logs", "worktrees/tree"].map((name) => join(common, name));
    const reached = { read: [common], write };
    expect(kilnOf({ cwd: checkout }, rules({})).git).toEqual(reached);
    expect(kilnOf({ cwd: checkout }, rules({ roots: [at("src"), at("elsewhere")] })).git).toEqual(reached);
    expect(kilnOf({ cwd: checkout }, rules({ roots: [at("src")] })).git).toEqual({ read: [], write: [] });
    expect(kilnOf({ cwd: at("src") }, rules({})).git).toEqual({ read: [], write: [] });
  });

  test("may be opened in a root, below one, through a link, and in a folder that is not there yet", () => {
    const inRoots = rules({ roots: [at("nowhere"), at("alias")] });
    for (const cwd of [at("src"), at("src", "app"), at("alias", "app"), at("src", "new", "er")]) {
      expect(() => kilnOf({ cwd }, inRoots)).not.toThrow();
    }
  });

  test("is refused outside of the roots, and the hint names them", () => {
    const inRoots = rules({ roots: [at("src")] });
    const asked = [
      { cwd: at("elsewhere") },
      { cwd: at("src-neighbour") },
      { cwd: at("src", "leak") },
      { cwd: at("src", "..", "elsewhere") },
      { cwd: folder },
      { cwd: "app" },
      { cwd: "" },
      { cwd: at("src"), additionalDirectories: [at("elsewhere")] },
      { cwd: at("src"), additionalDirectories: ["app"] },
    ];
    for (const request of asked) {
      expect(() => kilnOf(request, inRoots), JSON.stringify(request)).toThrow(
        expect.objectContaining({
          code: "CRU_KILN_OUTSIDE",
          hint: expect.stringContaining(at("src")) as string,
        }) as Error,
      );
    }
  });

  test("does not reach what Crucible keeps, nor where the system shows itself, unless it was opened there", () => {
    const kept = [...ownFolders(), "/proc/self/mem", "/sys/kernel", "/dev/sda", at("crucible.toml")];
    const everywhere = kilnOf({ cwd: "/" }, rules());
    for (const path of kept) {
      expect(() => placeIn(everywhere, path, "read"), path).toThrow(
        expect.objectContaining({ code: "CRU_KILN_OUTSIDE" }) as Error,
      );
    }
    expect(placeIn(everywhere, at("src"), "read").root).toBe("/");
    for (const path of [...ownFolders(), "/dev/shm"]) {
      const place = placeIn(kilnOf({ cwd: path }, rules()), join(path, "file"), "write");
      expect(place.root).toBe(place.path.slice(0, -"/file".length));
    }
  });

  test("on a path that is not absolute has no directories at all", () => {
    expect(kilnOf({ cwd: "app" }, rules()).directories).toEqual([]);
  });
});

describe("a child", () => {
  const caller = () => ({ cwd: at("alias", "app"), kiln: kilnIn(at("src", "app"), at("elsewhere")) });

  test("works where its caller does, with all of its kiln", async () => {
    const { kiln } = caller();
    expect(await placeOfChild(caller(), { cwd: undefined, grant: grant() })).toEqual({ cwd: at("src", "app"), kiln });
  });

  test.each(["deep", "./deep/../deep/", "../app/deep"])(
    "that shall work in %s has that and nothing else",
    async (cwd) => {
      const directory = at("src", "app", "deep");
      expect(await placeOfChild(caller(), { cwd, grant: grant() })).toEqual({
        cwd: directory,
        kiln: kilnIn(directory),
      });
    },
  );

  test("may be sent to another directory of its caller's", async () => {
    const place = await placeOfChild(caller(), { cwd: at("elsewhere"), grant: grant() });
    expect(place).toEqual({ cwd: at("elsewhere"), kiln: kilnIn(at("elsewhere")) });
  });

  test.each([
    ["..", "CRU_KILN_OUTSIDE"],
    ["../leak/../../src-neighbour", "CRU_KILN_OUTSIDE"],
    ["/", "CRU_KILN_OUTSIDE"],
    ["file", "CRU_KILN_DIRECTORY"],
    ["missing", "CRU_KILN_DIRECTORY"],
  ])("is not sent to %s", async (cwd, code) => {
    await expect(placeOfChild(caller(), { cwd, grant: grant() })).rejects.toMatchObject({ code });
  });

  test("is not sent to what is forbidden", async () => {
    const kiln = kilnOf({ cwd: at("src", "app") }, rules({ deny: ["**/deep/**"] }));
    const place = placeOfChild({ cwd: at("src", "app"), kiln }, { cwd: "deep", grant: grant() });
    await expect(place).rejects.toMatchObject({ code: "CRU_KILN_DENIED" });
  });

  test("that was not given write may only read, and so may all below it", async () => {
    const { kiln } = await placeOfChild(caller(), { cwd: undefined, grant: grant("read") });
    expect(kiln.readOnly).toBe(true);
    expect(narrowedTo(grant(), kiln).readOnly).toBe(true);
  });
});

describe("a worktree", () => {
  const place = {
    checkout: "/src/app",
    folder: "/state/tree",
    git: { common: "/src/app/.git", own: "/src/app/.git/worktrees/tree" },
  };

  test.each([
    ["the checkout itself", ["/src/app"], ["/state/tree"]],
    ["what holds the checkout", ["/src"], ["/state/tree"]],
    ["a part of it", ["/src/app/lib"], ["/state/tree/lib"]],
    ["several", ["/src/app/lib", "/other", "/src/app/doc"], ["/state/tree/lib", "/state/tree/doc"]],
  ])("stands in place of %s", (_, directories, expected) => {
    const kiln = { ...kilnIn(...directories), write: ["/cache"] };
    const write = ["objects", "refs", "logs", "worktrees/tree"].map((name) => `/src/app/.git/${name}`);
    expect(inWorktree(kiln, place)).toEqual({
      ...kiln,
      directories: expected,
      git: { read: ["/src/app/.git"], write },
      worktree: { folder: "/state/tree", checkout: "/src/app" },
    });
  });
});

test("however deep children go, each has no more than the one above it", async () => {
  const steps = fc.array(fc.constantFrom(undefined, "deep", ".", "..", "../..", "leak", "app", "app/deep"), {
    maxLength: 6,
  });
  const tools = fc.constantFrom(grant(), grant("read"));
  await fc.assert(
    fc.asyncProperty(steps, tools, async (names, given) => {
      let above = { cwd: at("src"), kiln: kilnOf({ cwd: at("src") }, rules()) };
      for (const cwd of names) {
        const child = await placeOfChild(above, { cwd, grant: given }).catch(() => undefined);
        if (!child) continue;
        const { directories } = above.kiln;
        expect(child.kiln.directories.every((one) => directories.some((root) => isInside(root, one)))).toBe(true);
        expect(child.kiln.directories.some((one) => isInside(one, child.cwd))).toBe(true);
        expect(child.kiln.readOnly || !above.kiln.readOnly).toBe(true);
        above = child;
      }
    }),
  );
});
