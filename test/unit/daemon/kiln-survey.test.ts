/** When a kiln is looked through for hard links, and how often one hears of it. */
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Scope } from "../../../src/base/scope.ts";
import { KilnSurvey, maxSurveyedKilns } from "../../../src/daemon/kiln-survey.ts";
import { createBus } from "../../../src/observe/bus.ts";

let folder: string;
let kiln: string;
let told: string[];
let scope: Scope;
let survey: KilnSurvey;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "cru-survey-")));
  kiln = join(folder, "kiln");
  mkdirSync(join(kiln, "below"), { recursive: true });
  writeFileSync(join(folder, "outside"), "");
  linkSync(join(folder, "outside"), join(kiln, "below/inside"));
  told = [];
  const bus = createBus();
  bus.on("kiln.hard_links", ({ directory }) => void told.push(directory));
  scope = new Scope(() => {});
  survey = new KilnSurvey({ bus, stateDirectory: join(folder, "state"), scope });
});
afterEach(() => rmSync(folder, { recursive: true }));

const looked = (...directories: string[]): Promise<void> => survey.look({ directories });

test("once for a directory and all below it", async () => {
  await Promise.all([looked(kiln), looked(kiln, join(kiln, "below"))]);
  expect(told).toEqual([kiln]);
});

test("never for the worktrees that the daemon makes, nor when it is ending", async () => {
  mkdirSync(join(folder, "state"));
  linkSync(join(folder, "outside"), join(folder, "state/own"));
  void looked(join(folder, "state"), kiln);
  await scope.close();
  expect(told).toEqual([]);
});

test("of more directories than it remembers, all are forgotten", async () => {
  void looked(kiln);
  void looked(...Array.from({ length: maxSurveyedKilns }, (_, index) => join(folder, `gone-${index}`)));
  await looked(kiln);
  expect(told).toEqual([kiln, kiln]);
});
