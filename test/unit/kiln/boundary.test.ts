/** The gate for paths, under an adversary who swaps links while it is used: no byte outside is ever read or written. */
import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isInside } from "../../../src/base/paths.ts";
import { openForReading, openForWriting } from "../../../src/kiln/boundary.ts";

let folder: string;
let kiln: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "cru-kiln-")));
  kiln = join(folder, "kiln");
  mkdirSync(join(kiln, "real"), { recursive: true });
  mkdirSync(join(folder, "outside"));
  writeFileSync(join(kiln, "real", "file"), "inside");
  writeFileSync(join(folder, "outside", "file"), "outside");
});
afterEach(() => rm(folder, { recursive: true }));

async function contentOf(path: string): Promise<string> {
  const { handle } = await openForReading(kiln, path);
  try {
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

/** Rounds of a race; more of them until it has gone both ways. */
const enough = 400;
const tooMany = 20_000;

async function write(path: string, text: string): Promise<void> {
  const { handle } = await openForWriting(kiln, path);
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}

/** Makes `name` in the kiln point at the folder inside and the one outside in turns, atomically, until stopped. */
function swap(name: string): () => void {
  let turn = 0;
  let running = true;
  const step = (): void => {
    if (!running) return;
    const next = join(kiln, `.${name}.${turn}`);
    symlinkSync(turn % 2 === 0 ? join(folder, "outside") : join(kiln, "real"), next);
    renameSync(next, join(kiln, name));
    turn++;
    setImmediate(step);
  };
  step();
  return () => void (running = false);
}

test("a folder that is swapped for a link while files are read never yields what lies outside", async () => {
  const stop = swap("swapped");
  const outcomes = { inside: 0, refused: 0 };
  for (let round = 0; round < enough || (round < tooMany && !(outcomes.inside && outcomes.refused)); round++) {
    try {
      expect(await contentOf(join(kiln, "swapped", "file"))).toBe("inside");
      outcomes.inside++;
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^CRU_/) as string });
      outcomes.refused++;
    }
  }
  stop();
  // Both happened, else nothing was proved.
  expect(outcomes.inside).toBeGreaterThan(0);
  expect(outcomes.refused).toBeGreaterThan(0);
});

test("nor does anything that is written meanwhile appear outside", async () => {
  const stop = swap("swapped");
  const outcomes = { written: 0 };
  for (let round = 0; round < enough || (round < tooMany && outcomes.written === 0); round++) {
    await write(join(kiln, "swapped", "file"), `round ${round}`).then(
      () => outcomes.written++,
      () => {},
    );
  }
  stop();
  expect(outcomes.written).toBeGreaterThan(0);
  expect(await readFile(join(folder, "outside", "file"), "utf8")).toBe("outside");
});

test("nor is a file made outside, not even an empty one", async () => {
  const stop = swap("swapped");
  for (let round = 0; round < 400; round++) {
    await write(join(kiln, "swapped", `new-${round}`), "x").catch(() => {});
  }
  stop();
  expect(await readdir(join(folder, "outside"))).toEqual(["file"]);
});

test("a kiln that is itself named through a link is the folder behind it", async () => {
  symlinkSync(kiln, join(folder, "alias"));
  const { handle } = await openForReading(join(folder, "alias"), join(kiln, "real", "file"));
  await handle.close();
  const other = await openForReading(kiln, join(folder, "alias", "real", "file"));
  await other.handle.close();
});

test("a refusal leaves no folder behind", async () => {
  await expect(openForWriting(kiln, join(folder, "outside", "a", "b", "file"))).rejects.toMatchObject({
    code: "CRU_KILN_OUTSIDE",
  });
  expect(existsSync(join(folder, "outside", "a"))).toBe(false);
});

test("inside means the folder itself or below it, for any path", () => {
  const segment = fc.stringMatching(/^[a-z.]{1,3}$/).filter((name) => name !== "." && name !== "..");
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
