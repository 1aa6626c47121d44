/**
 * A configuration that was written or changed while the daemon runs: it does not come into force by itself, and nobody has to guess
 * why. Whatever is refused by the old one says so, and so do `status`, `doctor` and `explain`.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import type { Finding } from "../../src/control/finding.ts";
import type { DaemonStatus } from "../../src/control/methods.ts";
import type { ExplainedDelegation } from "../../src/delegation/explain.ts";
import { crucibleUser, type CrucibleUser } from "../support/command-line.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile } from "../support/daemon.ts";

/** It takes its tools at once, so that the doctor need not wait for that. */
const parent = scriptedProfile("parent", { flags: ["--mcp-eager"], delegation: "enabled = true" });

const file = "home/.config/crucible/crucible.toml";

async function json<T>(user: CrucibleUser, ...args: string[]): Promise<T> {
  return JSON.parse((await user.run([...args, "--json"])).stdout) as T;
}

const status = (user: CrucibleUser): Promise<DaemonStatus> => json(user, "status");

async function refusalOf(user: CrucibleUser, ...args: string[]) {
  const { error } = await json<DelegationResult>(user, "delegate", ...args);
  return { code: error?.code, hint: error?.hint ?? "" };
}

async function readAgain(user: CrucibleUser): Promise<void> {
  process.kill((await status(user)).pid, "SIGHUP");
  await until(async () => (await status(user)).configChange === null, { what: "the file to be read again" });
}

test("a file where none was, and one that was changed: refusals, status, doctor and explain name it until it is read again", async () => {
  const user = await crucibleUser();
  expect(await refusalOf(user, "worker", "say x")).toMatchObject({ code: "CRU_DELEGATION_TARGET_UNKNOWN" });
  const { pid, configChange } = await status(user);
  expect(configChange).toBeNull();
  const profiles = [parent, scriptedProfile("worker")].join("\n");
  user.write(file, profiles);

  const isNew = `${join(user.folder, file)} was not there when the daemon read its configuration`;
  const remedy = `\`kill -HUP ${pid}\` has it read again`;
  const refusal = await refusalOf(user, "worker", "say x");
  expect(refusal.code).toBe("CRU_DELEGATION_TARGET_UNKNOWN");
  expect(refusal.hint).toMatch(/; .* was not there/);
  expect(refusal.hint).toContain(`${isNew}: the user's ${remedy}`);
  const unknown = await user.run(["delegate", "worker", "say x", "--from", "parent"]);
  expect(unknown.stderr).toContain("[CRU_AGENT_UNKNOWN]");
  expect(unknown.stderr).toContain(isNew);
  expect((await status(user)).configChange).toBe(isNew);
  expect((await user.run(["status"])).stdout).toContain(`${isNew}: ${remedy}`);
  const explained = await json<ExplainedDelegation>(user, "explain", "parent", "worker");
  expect(explained).toMatchObject({ allowed: true, daemon: `${isNew}: ${remedy}` });
  expect((await user.run(["explain", "parent", "worker"])).stdout).toContain(isNew);
  const { findings } = await json<{ findings: Finding[] }>(user, "doctor");
  expect(findings).toContainEqual({ check: "config", subject: "daemon", state: "warning", message: isNew, remedy });

  await readAgain(user);
  expect(await json(user, "delegate", "worker", "say x")).toMatchObject({ status: "completed", result: "x" });
  expect(await json(user, "explain", "parent", "worker")).toMatchObject({ daemon: null });

  user.write(file, `${profiles.replace("enabled = true", "enabled = false")}[kiln]\nroots = []\n`);
  const hasChanged = `${join(user.folder, file)} has changed since the daemon read it`;
  expect((await status(user)).configChange).toBe(hasChanged);
  // What runs is not touched by it.
  expect(await json(user, "delegate", "worker", "say x", "--from", "parent")).toMatchObject({ status: "completed" });
  await readAgain(user);
  user.write(file, profiles);
  const outside = await user.run(["delegate", "worker", "say x"]);
  expect(outside.stderr).toContain("[CRU_KILN_OUTSIDE]");
  expect(outside.stderr).toContain(hasChanged);
});

test("a profile that may not delegate is told that by now it may stand otherwise in the file", async () => {
  const user = await crucibleUser();
  const profiles = (delegation: string): string =>
    [scriptedProfile("parent", { delegation }), scriptedProfile("worker"), scriptedProfile("other")].join("\n");
  user.write(file, profiles("enabled = false"));
  expect((await refusalOf(user, "worker", "x", "--from", "parent")).hint).not.toContain("has changed");
  user.write(file, profiles('enabled = true\nallowed_targets = ["worker"]'));
  const disabled = await refusalOf(user, "worker", "x", "--from", "parent");
  expect(disabled.code).toBe("CRU_DELEGATION_DISABLED");
  expect(disabled.hint).toMatch(/has changed since the daemon read it: the user's `kill -HUP \d+` has it read again$/);
  await readAgain(user);
  user.write(file, profiles("enabled = true"));
  const notAllowed = await refusalOf(user, "other", "x", "--from", "parent");
  expect(notAllowed.code).toBe("CRU_DELEGATION_TARGET_NOT_ALLOWED");
  expect(notAllowed.hint).toContain("has changed since the daemon read it");
});

test("a daemon that has read another file: explain and doctor say which", async () => {
  const user = await crucibleUser();
  await refusalOf(user, "nobody", "x");
  const own = user.write("kiln/crucible.toml", parent);
  const told = `the daemon that runs has read no configuration file, and not ${own}`;
  expect((await json<ExplainedDelegation>(user, "explain", "parent", "claude")).daemon).toContain(told);
  const { findings } = await json<{ findings: Finding[] }>(user, "doctor");
  expect(findings).toContainEqual(expect.objectContaining({ check: "config", subject: "daemon", message: told }));
});
