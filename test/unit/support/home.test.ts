/** The proof that nothing is left behind is worth something only if it fails when something is. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createTestHome } from "../../support/daemon.ts";

test("a process of the home that lives on is named, and ended with the home", async () => {
  const home = await createTestHome("");
  const left = spawn("sleep", ["1000"], { env: home.env, detached: true, stdio: "ignore" });
  await once(left, "spawn");
  const ended = once(left, "exit");
  expect(home.processes()).toEqual([left.pid]);
  await expect(home.assertNothingLeft({ timeoutMs: 50 })).rejects.toThrow(new RegExp(`${left.pid} sleep 1000`));
  await expect(home.close({ timeoutMs: 50 })).rejects.toThrow(/left behind/);
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(existsSync(home.folder)).toBe(false);
});

test("a socket that was left is named", async () => {
  const home = await createTestHome("");
  await writeFile(home.socket, "");
  await expect(home.assertNothingLeft()).rejects.toThrow(/socket was left behind/);
  await expect(home[Symbol.asyncDispose]()).rejects.toThrow(home.socket);
});
