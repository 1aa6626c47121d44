/** The gate against whatever can be asked, while another process changes the kiln at random, and by whatever spelling. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { placeIn } from "../../../src/kiln/boundary.ts";
import { denyGlob } from "../../../src/kiln/deny-glob.ts";
import { openForReading, writeFile } from "../../../src/kiln/files.ts";
import type { Kiln } from "../../../src/sessions/kiln.ts";
import { kilnIn } from "../../support/kilns.ts";

let folder: string;
let kiln: Kiln;
const at = (...steps: string[]): string => join(folder, ...steps);

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "cru-gate-")));
  for (const name of ["kiln", "outside"]) mkdirSync(at(name));
  writeFileSync(at("outside", "file"), "outside");
  kiln = kilnIn(at("kiln"));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

/** What was read; undefined for what the gate, or the file system, refused in its expected way. */
async function readAt(path: string): Promise<string | undefined> {
  try {
    await using file = await openForReading(kiln, placeIn(kiln, path, "read"));
    return await file.handle.readFile("utf8");
  } catch (error) {
    return expectRefusal(error);
  }
}

async function isWritten(path: string, text: string): Promise<boolean> {
  try {
    await writeFile({ kiln, place: placeIn(kiln, path, "write"), text });
    return true;
  } catch (error) {
    return expectRefusal(error) ?? false;
  }
}

function expectRefusal(error: unknown): undefined {
  expect(error).toMatchObject({ code: expect.stringMatching(/^CRU_(?:KILN|FILE|REQUEST)/) as string });
}

test("while another process puts folders, files and links at random, nothing outside is read, written or made", async () => {
  const names = ["a", "b", "c", "A", "…", "new\nline"];
  const stirring = spawn(process.execPath, [
    join(import.meta.dirname, "../../agents/stirs-tree.mjs"),
    at("kiln"),
    at("outside"),
    ...names,
  ]);
  try {
    await once(stirring.stdout, "data");
    const step = fc.constantFrom(...names, "file", ".", "..", "");
    const path = fc.array(step, { minLength: 1, maxLength: 4 }).map((steps) => `${at("kiln")}/${steps.join("/")}`);
    const met = { read: 0, written: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(path, fc.boolean(), async (asked, isWriting) => {
        const outcome = isWriting ? await isWritten(asked, "written") : await readAt(asked);
        if (typeof outcome === "string") expect(outcome).not.toContain("outside");
        met[outcome === undefined || outcome === false ? "refused" : isWriting ? "written" : "read"]++;
      }),
      { numRuns: 1200 },
    );
    // All of it happened, else nothing was proved.
    expect(Math.min(met.read, met.written, met.refused), JSON.stringify(met)).toBeGreaterThan(0);
  } finally {
    stirring.kill("SIGKILL");
    await once(stirring, "exit");
  }
  expect((await readdir(folder)).toSorted()).toEqual(["kiln", "outside"]);
  expect(await readdir(at("outside"))).toEqual(["file"]);
  expect(readFileSync(at("outside", "file"), "utf8")).toBe("outside");
});

test("what is forbidden is neither read nor made, whatever stands above it and however it is spelled", async () => {
  kiln = { ...kiln, deny: ["**/.env", "**/Schlüssel/**"].map(denyGlob) };
  mkdirSync(at("kiln", "sub", "Schlüssel"), { recursive: true });
  for (const name of [".env", "sub/.env", "sub/Schlüssel/key"]) writeFileSync(at("kiln", name), "secret");
  const before = await readdir(at("kiln"), { recursive: true });

  const spelled = (name: string): fc.Arbitrary<string> =>
    fc
      .tuple(
        fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }),
        fc.constantFrom("", "\u200d", "\ufeff", "\u00ad"),
        fc.nat({ max: name.length }),
        fc.constantFrom("", ".", " ", ". "),
        fc.constantFrom("NFC", "NFD"),
      )
      .map(([capitals, unseen, where, end, form]) => {
        const letters = Array.from(name, (letter, index) => (capitals[index] ? letter.toUpperCase() : letter));
        return `${letters.slice(0, where).join("")}${unseen}${letters.slice(where).join("")}${end}`.normalize(form);
      });
  const forbidden = fc.oneof(
    spelled(".env"),
    spelled("schlüssel").map((name) => `${name}/key`),
  );
  const above = fc.array(fc.constantFrom("sub", "sub/..", ".", "new", "sub/../sub"), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(above, forbidden, async (folders, name) => {
      const path = [at("kiln"), ...folders, name].join("/");
      expect(await readAt(path)).toBeUndefined();
      expect(await isWritten(path, "written")).toBe(false);
    }),
    { numRuns: 300 },
  );
  expect((await readdir(at("kiln"), { recursive: true })).toSorted()).toEqual(before.toSorted());
});
