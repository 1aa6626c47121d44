/** While a daemon runs it ends what it started and what should have ended: exactly that, and nothing else. */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { newId } from "../../../src/base/ids.ts";
import { markedEnvironment } from "../../../src/process/marker.ts";
import { createProcessTable } from "../../../src/process/own-table.ts";
import { startSweeping } from "../../../src/process/sweep.ts";
import { isAlive, until } from "../../support/processes.ts";
import { agentSpec, testLauncher } from "./launching.ts";

const table = createProcessTable();
const strays: number[] = [];

afterEach(async () => {
  const groups = strays.splice(0);
  for (const group of groups) endGroup(group);
  await until(() => groups.every((group) => !groupLives(group)), { what: "the strays to go" });
});

/** Its children are in it, too. What was swept is gone already. */
function endGroup(group: number): void {
  if (groupLives(group)) process.kill(-group, "SIGKILL");
}

function groupLives(group: number): boolean {
  return [...table.snapshotNow().entries.values()].some((entry) => entry.groupId === group && !entry.dead);
}

/** A process with the mark of a tree, as one that was born behind the last look at that tree; it ignores SIGTERM. */
function stray(id: string | undefined): number {
  const env = { PATH: process.env["PATH"], ...(id === undefined ? {} : markedEnvironment(id)) };
  const child = spawn("/bin/sh", ["-c", "trap '' TERM; sleep 1000 & wait; sleep 1000"], {
    env,
    stdio: "ignore",
    detached: true,
  });
  strays.push(child.pid!);
  return child.pid!;
}

test("what carries the mark of a tree that has ended is ended, with its children, and nothing else is", async () => {
  await using launcher = await testLauncher();
  const ended = await launcher.launch(agentSpec("leaves-a-daemon.sh"));
  const living = await launcher.launch(agentSpec("leaves-a-daemon.sh"));
  await ended.end();
  expect(await launcher.launch.sweep()).toEqual([]);

  const left = stray(ended.id);
  const bystanders = [stray(living.id), stray(newId("agt")), stray(undefined)];
  await until(() => [left, ...bystanders].every(isAlive));
  const [swept, ...others] = await launcher.launch.sweep();
  expect(others).toEqual([]);
  expect(swept).toMatchObject({ label: "leaves-a-daemon.sh" });
  expect(swept!.pids).toContain(left);
  expect(swept!.pids.filter((pid) => isAlive(pid))).toEqual([]);
  expect(bystanders.map(isAlive)).toEqual([true, true, true]);
  expect(await launcher.journal()).toEqual([`${living.id}.json`]);
});

test("it looks again and again by itself, also for what another daemon left, and says what it ended", async () => {
  await using launcher = await testLauncher();
  const { stateDirectory } = launcher;
  const ended = await launcher.launch(agentSpec("leaves-a-daemon.sh"));
  await ended.end();
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  const stop = startSweeping({ stateDirectory, launcher: launcher.launch, onWarning, intervalMs: 20 });
  try {
    const own = stray(ended.id);
    const { bootId } = table;
    const record = { id: newId("agt"), label: "theirs", daemon: { pid: process.pid, startTime: 1, bootId } };
    const theirs = stray(record.id);
    await writeFile(join(stateDirectory, "processes", `${record.id}.json`), JSON.stringify(record));
    await until(() => !isAlive(own) && !isAlive(theirs));
    await until(() => warnings.length >= 2);
    expect(warnings.toSorted()).toEqual([
      expect.stringMatching(/^ended what was left of leaves-a-daemon.sh: pid /),
      expect.stringMatching(/^ended what was left of theirs: pid /),
    ]);
  } finally {
    await stop();
  }
  const late = stray(ended.id);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isAlive(late)).toBe(true);
});
