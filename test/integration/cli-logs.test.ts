/** `crucible logs`: what a person and a script get of a real daemon's log, while it runs and after it is gone. */
import { expect, test } from "vitest";
import { appendFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { assertIdle, openParent } from "./delegating.ts";

let daemon: TestDaemon;
let delegation: { delegation_id: string; session_id: string | null };
let root: string;

shareAmongTests({
  open: async () => {
    const parent = scriptedProfile("parent", { delegation: "enabled = true" });
    daemon = await startDaemon({ config: `${parent}\n${scriptedProfile("worker")}`, args: ["--log-level", "debug"] });
    const opened = await openParent(daemon, "parent");
    root = opened.session;
    delegation = await opened.delegate({ agent: "worker", task: "stderr from the child's stderr\nsay done" });
    await opened[Symbol.asyncDispose]();
    await assertIdle(daemon);
  },
  close: () => daemon[Symbol.asyncDispose](),
});

test("every line about the child has the ids of session, root and delegation", async () => {
  const { stdout } = await daemon.crucible(["logs", "--json", "--lines", "1000"]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const about = lines.filter(({ sessionId }) => sessionId === delegation.session_id);
  const ids = { sessionId: delegation.session_id, rootId: root, delegationId: delegation.delegation_id };
  for (const line of about) expect(line).toMatchObject(ids);
  const events = about.map(({ event }) => event);
  expect(events).toEqual(
    expect.arrayContaining(["session.opened", "agent.started", "agent.stderr", "agent.ended", "session.ended"]),
  );
});

test("one delegation is found by the beginning of its id, and read in plain words", async () => {
  const { code, stdout } = await daemon.crucible(["logs", "--session", delegation.delegation_id.slice(0, 10)]);
  expect(code).toBe(0);
  expect(stdout).toContain("agent worker on stderr: from the child's stderr");
  expect(stdout.trimEnd().split("\n")).toEqual(
    Array<unknown>(stdout.trimEnd().split("\n").length).fill(
      expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}(info|debug) .*del_/),
    ),
  );
});

test("--follow goes on with what is written; without a daemon, and with nothing a terminal would obey", async () => {
  await daemon.stop();
  const file = join(daemon.home.stateDirectory, "log", "daemon.log");
  const program = join(import.meta.dirname, "../../bin/crucible.js");
  const child = spawn(process.execPath, [program, "logs", "-f", "-n", "0"], { env: daemon.home.env });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  try {
    // Until it listens, what is written counts as old.
    await until(() => {
      appendFileSync(
        file,
        `${JSON.stringify({ level: "warn", time: new Date(), msg: "\u202eevil\u009b31m\nsecond" })}\n`,
      );
      return / {2}warn {3}evil31m\n {4}second\n/.test(stdout);
    });
    expect(stdout).not.toMatch(/[\u202e\u009b]/);
  } finally {
    child.kill();
  }
});

test("a number that is none is refused", async () => {
  const { code, stderr } = await daemon.crucible(["logs", "--lines", "many"]);
  expect(code).toBe(2);
  expect(stderr).toContain('expected --lines to be a whole number, got "many" [CRU_USAGE]');
});
