/** The demo's delegation, from an editor's prompt to the files, through a real daemon. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { demoConfig, plannerProfile } from "../../src/demo/config.ts";
import { createDemoKiln } from "../../src/demo/kiln.ts";
import { demoDelegations, demoTask } from "../../src/demo/tasks.ts";
import { startDaemon } from "../support/daemon.ts";

test("the planner has two workers write their files and quotes what they report", async () => {
  await using kiln = await createDemoKiln();
  await using daemon = await startDaemon({ config: demoConfig({ paceMs: 0 }) });
  await using editor = daemon.editor(plannerProfile, { cwd: kiln.folder });
  await editor.initialize();
  const session = await editor.newSession(kiln.folder);
  const turn = await editor.prompt(session, demoTask);
  expect(turn.stopReason).toBe("end_turn");
  expect(turn.text).toContain("Both agents are done.");
  for (const { file, title } of demoDelegations) {
    expect(turn.text).toContain(`${title}:\n> Done: read firing.md, glazes.md, market.md and wrote ${file}.`);
    expect(await readFile(join(kiln.folder, file), "utf8")).toMatch(/^# /);
  }
});
