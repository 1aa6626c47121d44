/** The sockets of tools, where something stands in their way for a time. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ToolDoors, toolSocketName, type ToolDoorsParts } from "../../../src/daemon/tool-doors.ts";

let folder: string;
let doors: ToolDoors;
/** Something that stands where their folder should. */
let inTheWay: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cru-doors-"));
  const socketPath = join(folder, "daemon.sock");
  doors = new ToolDoors({ socketPath } as ToolDoorsParts);
  inTheWay = `${socketPath}.tools`;
  writeFileSync(inTheWay, "");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("what could not be opened once is opened when it is needed again", async () => {
  await expect(doors.openSockets()).rejects.toThrow();
  rmSync(inTheWay);
  const opened = await doors.openSockets();
  expect(statSync(join(opened, toolSocketName)).isSocket()).toBe(true);
  expect(await doors.openSockets()).toBe(opened);
  await doors.close();
  expect(existsSync(opened)).toBe(false);
});

test("what could not be opened closes in peace, and is left as it is", async () => {
  await expect(doors.openSockets()).rejects.toThrow();
  await doors.close();
  expect(statSync(inTheWay).isFile()).toBe(true);
});
