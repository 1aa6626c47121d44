/** Whose the state folder is when nothing can be written to it. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Scope } from "../../../src/base/scope.ts";
import { claimState } from "../../../src/daemon/claim-state.ts";
import { createBus } from "../../../src/observe/bus.ts";
import { createProcessTable } from "../../../src/process/own-table.ts";
import { openStore } from "../../../src/sessions/store.ts";

/** A state folder whose lock is written to a full disk. */
function full() {
  const state = mkdtempSync(join(tmpdir(), "cru-claim-"));
  symlinkSync("/dev/full", join(state, `daemon.lock.${process.pid}`));
  const bus = createBus();
  const warnings: string[] = [];
  bus.on("warning", ({ message }) => warnings.push(message));
  const store = openStore(state, bus);
  const scope = new Scope(() => {});
  onTestFinished(async () => {
    await scope.close();
    store.close();
    rmSync(state, { recursive: true });
  });
  return { state, warnings, claim: () => claimState(state, { store, bus, scope }) };
}

test("a full disk takes no lock: the daemon serves all the same, and says so", () => {
  const { claim, warnings } = full();
  expect(claim()).toBe(true);
  expect(warnings).toEqual([expect.stringMatching(/daemon\.lock cannot be written \(ENOSPC/)]);
});

test("one that another daemon has stays that daemon's", () => {
  const { state, claim, warnings } = full();
  const holder = { pid: process.pid, startTime: createProcessTable().find(process.pid)!.startTime };
  writeFileSync(join(state, "daemon.lock"), JSON.stringify(holder));
  expect(claim()).toBe(false);
  expect(warnings).toEqual([expect.stringContaining(`pid ${process.pid}`)]);
});
