/** The gate for paths: whatever is asked, and whoever swaps links meanwhile, no byte outside is ever read, written or made. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isInside } from "../../../src/base/paths.ts";
import { placeIn, type Purpose } from "../../../src/kiln/boundary.ts";
import { denyGlob } from "../../../src/kiln/deny-glob.ts";
import { openForReading, writeFile } from "../../../src/kiln/files.ts";
import { enterElsewhere, enterFolder, type EnterFolder } from "../../../src/kiln/folder.ts";
import type { Kiln } from "../../../src/sessions/kiln.ts";
import { kilnIn } from "../../support/kilns.ts";

let folder: string;
let kiln: Kiln;
const at = (...steps: string[]): string => join(folder, ...steps);
const inKiln = (...steps: string[]): string => at("kiln", ...steps);

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "cru-kiln-")));
  mkdirSync(inKiln("real"), { recursive: true });
  mkdirSync(at("outside"));
  writeFileSync(inKiln("real", "file"), "inside");
  writeFileSync(at("outside", "file"), "outside");
  kiln = kilnIn(inKiln());
});
afterEach(() => rm(folder, { recursive: true }));

async function contentOf(path: string, enter: EnterFolder = enterFolder): Promise<string> {
  await using file = await openForReading(kiln, placeIn(kiln, path, "read"), { enter });
  return await file.handle.readFile("utf8");
}

async function write(path: string, text: string, enter: EnterFolder = enterFolder): Promise<void> {
  await writeFile({ kiln, place: placeIn(kiln, path, "write"), text }, { enter });
}

const refusal = { code: expect.stringMatching(/^CRU_/) as string };

describe("against somebody who swaps a folder for a link that leads out", () => {
  let swapper: ChildProcess;

  beforeEach(async () => {
    swapper = spawn(process.execPath, [
      join(import.meta.dirname, "../../agents/swaps-links.mjs"),
      inKiln("real"),
      at("outside"),
    ]);
    await once(swapper.stdout!, "data");
  });
  afterEach(async () => {
    swapper.kill("SIGKILL");
    if (swapper.exitCode === null && swapper.signalCode === null) await once(swapper, "exit");
  });

  /** How long they go on, and then until both was seen: what is done, and what is refused. */
  const longEnoughMs = 2000;
  const tooMany = 50_000;

  async function againAndAgain(outcomes: Record<string, number>, act: (round: number) => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    const isEnough = (): boolean =>
      performance.now() - startedAt > longEnoughMs && Object.values(outcomes).every((count) => count > 0);
    for (let round = 0; round < tooMany && !isEnough(); round++) await act(round);
    // Both happened, else nothing was proved.
    for (const [outcome, count] of Object.entries(outcomes)) expect(count, outcome).toBeGreaterThan(0);
  }

  test("what is read is what lies inside, or nothing", async () => {
    const outcomes = { inside: 0, refused: 0 };
    await againAndAgain(outcomes, async () => {
      try {
        expect(await contentOf(inKiln("real", "file"))).toBe("inside");
        outcomes.inside++;
      } catch (error) {
        expect(error).toMatchObject(refusal);
        outcomes.refused++;
      }
    });
  });

  test("nothing is written outside, and nothing made there, neither files nor folders", async () => {
    const outcomes = { written: 0, refused: 0 };
    await againAndAgain(outcomes, async (round) => {
      for (const path of ["file", `new-${round}`, `folder-${round}/new`]) {
        await write(inKiln("real", path), `round ${round}`).then(
          () => outcomes.written++,
          (error: unknown) => {
            expect(error).toMatchObject(refusal);
            outcomes.refused++;
          },
        );
      }
    });
    expect(await readdir(at("outside"))).toEqual(["file"]);
    expect(readFileSync(at("outside", "file"), "utf8")).toBe("outside");
  });
});

describe("for any tree of folders, files and links", () => {
  const name = fc.constantFrom("a", "b", "c", "d");
  const step = fc.oneof({ weight: 4, arbitrary: name }, { weight: 1, arbitrary: fc.constantFrom("..", ".", "") });
  const steps = fc.array(step, { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));
  const entry = fc.record({
    path: fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/")),
    kind: fc.constantFrom("folder", "file", "link", "link out", "absolute link"),
    target: steps,
  });

  function plant({ path, kind, target }: { path: string; kind: string; target: string }): void {
    try {
      // Links are planted too: what is planted behind one that leads out would be the test's own doing.
      if (!isInside(inKiln(), realpathSync.native(dirname(inKiln(path))))) return;
      if (kind === "folder") mkdirSync(inKiln(path));
      else if (kind === "file") writeFileSync(inKiln(path), "inside", { flag: "wx" });
      else if (kind === "link") symlinkSync(target, inKiln(path));
      else if (kind === "link out") symlinkSync(at("outside"), inKiln(path));
      else symlinkSync(`${inKiln()}/${target}`, inKiln(path));
    } catch {
      // Some trees cannot be: what is planted is what fits.
    }
  }

  test.each([
    ["on this system", enterFolder],
    ["on systems without /proc", enterElsewhere],
  ])("no path leads out: %s", async (_, enter) => {
    const asked = steps.map((path) => `${inKiln()}/${path}`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 8 }),
        fc.array(asked, { minLength: 1, maxLength: 6 }),
        async (tree, paths) => {
          await rm(inKiln(), { recursive: true });
          mkdirSync(inKiln());
          for (const one of tree) plant(one);
          for (const path of paths) {
            const content = await contentOf(path, enter).catch((error: unknown) => {
              expect(error).toMatchObject(refusal);
            });
            if (content !== undefined) expect(content).toMatch(/inside|written/);
            await write(path, "written", enter).catch((error: unknown) => expect(error).toMatchObject(refusal));
          }
          expect((await readdir(folder)).toSorted()).toEqual(["kiln", "outside"]);
          expect(await readdir(at("outside"))).toEqual(["file"]);
          expect(readFileSync(at("outside", "file"), "utf8")).toBe("outside");
        },
      ),
      { numRuns: 300 },
    );
  });

  test("an editor that opens the path as it stands is not led out either", () => {
    mkdirSync(at("outside", "deep"));
    symlinkSync(at("outside", "deep"), inKiln("link"));
    // To the kernel the second is outside/file, whatever one makes of it by its text.
    for (const path of ["link/x", "link/../file", "real/../link/../file"]) {
      expect(() => placeIn(kiln, `${inKiln()}/${path}`, "read")).toThrow(
        expect.objectContaining({ code: "CRU_KILN_OUTSIDE" }) as Error,
      );
    }
  });
});

describe("the kiln", () => {
  test("reaches as far as its lists say, for reading, writing and working", () => {
    for (const name of ["readable", "writable"]) mkdirSync(at(name));
    writeFileSync(at("one-file"), "");
    kiln = { ...kiln, read: [at("readable"), at("one-file")], write: [at("writable")] };
    const outcomeOf = (path: string, purpose: Purpose): string => {
      try {
        return placeIn(kiln, path, purpose) && "allowed";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const expected = [
      [inKiln("x"), "allowed", "allowed", "allowed"],
      [at("writable", "x"), "allowed", "allowed", "CRU_KILN_OUTSIDE"],
      [at("readable", "x"), "allowed", "CRU_KILN_DENIED", "CRU_KILN_OUTSIDE"],
      [at("one-file"), "allowed", "CRU_KILN_DENIED", "CRU_KILN_OUTSIDE"],
      [at("one-file-more"), "CRU_KILN_OUTSIDE", "CRU_KILN_OUTSIDE", "CRU_KILN_OUTSIDE"],
      [at("outside"), "CRU_KILN_OUTSIDE", "CRU_KILN_OUTSIDE", "CRU_KILN_OUTSIDE"],
    ] as const;
    for (const [path, ...outcomes] of expected) {
      const met = (["read", "write", "work"] as const).map((purpose) => outcomeOf(path, purpose));
      expect(met, path).toEqual(outcomes);
    }
  });

  test("opens a single file that the configuration names", async () => {
    writeFileSync(at("one-file"), "named");
    kiln = { ...kiln, write: [at("one-file")] };
    expect(await contentOf(at("one-file"))).toBe("named");
    await write(at("one-file"), "changed");
    expect(readFileSync(at("one-file"), "utf8")).toBe("changed");
  });

  test("that may only be read is not written, whatever its lists say", async () => {
    kiln = { ...kiln, readOnly: true, write: [at("outside")] };
    for (const path of [inKiln("real", "file"), inKiln("new"), at("outside", "file")]) {
      await expect(write(path, "x")).rejects.toMatchObject({ code: "CRU_KILN_DENIED" });
    }
    expect(await contentOf(inKiln("real", "file"))).toBe("inside");
    expect(await readdir(inKiln())).toEqual(["real"]);
  });

  test("keeps what is forbidden closed, by its own name, by a link, and by a link's own name", async () => {
    writeFileSync(inKiln("real", ".env"), "secret");
    writeFileSync(inKiln("real", "plain"), "");
    symlinkSync(inKiln("real", ".env"), inKiln("harmless"));
    symlinkSync(inKiln("real", "plain"), inKiln("forbidden-link"));
    kiln = { ...kiln, deny: ["**/.env", "forbidden-*"].map(denyGlob), read: [inKiln("real", ".env")] };
    for (const name of ["real/.env", "real/.ENV", "harmless", "forbidden-link", "real/x/../.env"]) {
      await expect(contentOf(inKiln(name)), name).rejects.toMatchObject({ code: "CRU_KILN_DENIED" });
      await expect(write(inKiln(name), "x"), name).rejects.toMatchObject({ code: "CRU_KILN_DENIED" });
    }
    expect(await readFile(inKiln("real", ".env"), "utf8")).toBe("secret");
  });

  test("whose folder was swapped for a link after it was opened leads nowhere", async () => {
    await rm(inKiln(), { recursive: true });
    symlinkSync(at("outside"), inKiln());
    await expect(contentOf(inKiln("file"))).rejects.toMatchObject({ code: "CRU_KILN_OUTSIDE" });
    await expect(write(inKiln("file"), "x")).rejects.toMatchObject({ code: "CRU_KILN_OUTSIDE" });
  });
});

describe("a file with several names", () => {
  beforeEach(() => linkSync(at("outside", "file"), inKiln("shared")));

  test("is read", async () => {
    expect(await contentOf(inKiln("shared"))).toBe("outside");
  });

  test("gets a file of its own when it is written: what lies under the other names stays as it was", async () => {
    await chmod(at("outside", "file"), 0o750);
    await write(inKiln("shared"), "changed");
    expect(readFileSync(at("outside", "file"), "utf8")).toBe("outside");
    expect(readFileSync(inKiln("shared"), "utf8")).toBe("changed");
    expect(statSync(inKiln("shared")).mode & 0o777).toBe(0o750);
    expect((await readdir(inKiln())).toSorted()).toEqual(["real", "shared"]);
  });
});

test.each([
  ["on this system", enterFolder],
  ["on systems without /proc", enterElsewhere],
])("only ordinary files are opened, and nothing is waited for: %s", async (_, enter) => {
  execFileSync("mkfifo", [inKiln("fifo")]);
  for (const path of ["fifo", "real", "", "real/"]) {
    await expect(contentOf(inKiln(path), enter), path).rejects.toMatchObject({ code: "CRU_KILN_DENIED" });
    await expect(write(inKiln(path), "x", enter), path).rejects.toMatchObject({ code: "CRU_KILN_DENIED" });
  }
});

test("a refusal leaves no folder behind", async () => {
  await expect(write(at("outside", "a", "b", "file"), "x")).rejects.toMatchObject({ code: "CRU_KILN_OUTSIDE" });
  expect(await readdir(at("outside"))).toEqual(["file"]);
});

test("inside means the folder itself or below it, for any path", () => {
  const segment = fc.stringMatching(/^[a-z.]{1,3}$/).filter((text) => text !== "." && text !== "..");
  const path = fc.array(segment, { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(path, path, (root, other) => {
      const [a, b] = [`/${root.join("/")}`, `/${other.join("/")}`];
      expect(isInside(a, b)).toBe(a === b || b.startsWith(`${a}/`));
      expect(isInside(a, `${a}/${other.join("/")}`)).toBe(true);
      expect(isInside("/", b)).toBe(true);
    }),
  );
});
