/** What the log says of an event: one line of JSON, without a secret, and with all ids of the session that it is about. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newToken } from "../../../src/base/ids.ts";
import { createBus, type Bus, type Events } from "../../../src/observe/bus.ts";
import { loggedEvents, logEvents } from "../../../src/observe/event-log.ts";
import { Lineage } from "../../../src/observe/lineage.ts";
import { openLog, type Log } from "../../../src/observe/logger.ts";

let folder: string;
let log: Log;
let bus: Bus;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cru-log-"));
  log = openLog({ level: "trace", file: join(folder, "daemon.log"), stderr: false });
  bus = createBus();
  logEvents(bus, log);
});
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const progress = {
  delegationId: "del_1",
  parentId: null,
  agent: "worker",
  title: "t",
  depth: 1,
  kind: "starting",
  line: "",
  status: null,
  at: 0,
  sessionId: "ses_root",
  rootId: "ses_root",
  childId: "ses_child",
  figures: null,
} as const satisfies Events["delegation.progress"];

async function lines(): Promise<Record<string, unknown>[]> {
  await log.close();
  return readFileSync(log.file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("every event, whatever its texts hold, is one line of JSON without the secrets in them", async () => {
  const token = newToken();
  const text = `it's "{token}": OPENAI_API_KEY='${token}'\n{"password":"${token}"} Bearer ${token}`;
  // Whatever an event has for a field, here it is this text.
  const names = "profile line code message sessionId title outcome where why value setting from agent reason".split(
    " ",
  );
  const fields: Record<string, unknown> = Object.fromEntries(names.map((name) => [name, text]));
  fields["changed"] = [text];
  fields["error"] = new Error(text);
  fields["token"] = 12345;
  fields["tokens"] = null;
  for (const name of loggedEvents) bus.emit(name, { ...fields } as never);
  const written = await lines();
  expect(written.map((line) => line["event"])).toEqual(loggedEvents);
  expect(JSON.stringify(written)).not.toContain(token);
});

test("a line about a child's session names its root session and its delegation, whoever tells it", async () => {
  bus.emit("session.opened", {
    sessionId: "ses_root",
    rootId: "ses_root",
    profile: "p",
    parentId: undefined,
    cwd: "/",
  });
  bus.emit("delegation.progress", progress);
  bus.emit("session.opened", {
    sessionId: "ses_child",
    rootId: "ses_root",
    profile: "worker",
    parentId: "ses_root",
    cwd: "/",
  });
  bus.emit("agent.started", {
    profile: "worker",
    sessionId: "ses_child",
    agentPid: 1,
    sandbox: "bwrap",
    strength: "full",
    milliseconds: 2,
  });
  bus.emit("warning", { where: "x", message: "y", sessionId: "ses_child" });
  bus.emit("session.ended", { sessionId: "ses_child", reason: "its task ended" });
  bus.emit("warning", { where: "x", message: "of nobody" });
  const [root, , ...others] = await lines();
  expect(root).toMatchObject({ sessionId: "ses_root", rootId: "ses_root", level: "info" });
  expect(root).not.toHaveProperty("delegationId");
  for (const line of others.slice(0, -1)) {
    expect(line).toMatchObject({ sessionId: "ses_child", rootId: "ses_root", delegationId: "del_1" });
  }
  expect(others.at(-1)).not.toHaveProperty("rootId");
  // Whose process it is can be told.
  expect(others).toContainEqual(expect.objectContaining({ event: "agent.started", pid: process.pid, agentPid: 1 }));
});

test("a delegation that fails is a warning with its reason; one that is cancelled is none, and a beginning is told once", async () => {
  const title = "Sort it out";
  const end = { ...progress, title, kind: "ended" } as const;
  bus.emit("delegation.progress", { ...progress, title, line: title });
  bus.emit("delegation.progress", { ...end, status: "timed_out", line: "worker was not done after 1 s" });
  bus.emit("delegation.progress", { ...end, status: "cancelled", line: "the user said so" });
  expect((await lines()).map(({ level, msg }) => [level, msg])).toEqual([
    ["info", "delegation to worker (Sort it out) starting"],
    ["warn", "delegation to worker (Sort it out) timed out: worker was not done after 1 s"],
    ["info", "delegation to worker (Sort it out) cancelled: the user said so"],
  ]);
});

test("of a tree that has ended nothing is remembered, nor of a delegation that never had a session", () => {
  const lineage = new Lineage();
  const tell = <Name extends keyof Events>(name: Name, event: Events[Name]): void => {
    lineage.learn(name, event);
    lineage.forget(name, event);
  };
  tell("delegation.progress", progress);
  tell("delegation.progress", { ...progress, childId: "ses_never" });
  tell("session.opened", { sessionId: "ses_child", rootId: "ses_root", profile: "p", parentId: "ses_root", cwd: "/" });
  expect(lineage.size).toBe(2);
  tell("delegation.progress", { ...progress, kind: "ended" });
  tell("delegation.progress", { ...progress, kind: "ended", childId: "ses_never" });
  expect(lineage.of({ sessionId: "ses_child" })).toEqual({ rootId: "ses_root", delegationId: "del_1" });
  tell("session.ended", { sessionId: "ses_child", reason: "" });
  expect(lineage.size).toBe(0);
});
