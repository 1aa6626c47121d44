/** Whoever sets the clock, and however far: nothing ends early for it, nothing lives longer, and what is told of times stays true. */
import { existsSync, writeFileSync } from "node:fs";
import type { Client } from "@modelcontextprotocol/client";
import { expect, test } from "vitest";
import { instrument, moveClock } from "../chaos/instrumented.ts";
import { until } from "../support/conditions.ts";
import { createTestHome, scriptedProfile, serve, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, inKiln, openParent, script, type Parent } from "./delegating.ts";
import { delegateWith } from "./tool-calls.ts";

let daemon: TestDaemon;
let parent: Parent;
let tools: Client;

/** Less than this is nothing to a busy machine, and what moves the clock moves it by far more. */
const stallMs = 4000;

shareAmongTests({
  open: async () => {
    const delegation = `enabled = true\nstall_seconds = ${stallMs / 1000}`;
    const home = await createTestHome(
      [scriptedProfile("parent", { delegation }), scriptedProfile("worker")].join("\n"),
    );
    instrument(home);
    daemon = await serve(home);
    parent = await openParent(daemon, "parent");
    tools = await parent.tools();
  },
  close: () => endOf(daemon, [tools, parent]),
});

/** Moves the daemon's clock by so much again and again, more often than it looks at anything. */
async function whileClockMoves<T>(stepMs: number, act: () => Promise<T>): Promise<T> {
  let offsetMs = 0;
  const timer = setInterval(() => moveClock(daemon.home, (offsetMs += stepMs)), 60);
  try {
    return await act();
  } finally {
    clearInterval(timer);
  }
}

const hourMs = 3_600_000;

test("a busy child is not taken for stalled while the clock is set forward, and took as long as it took", async () => {
  const steps = [0, 1, 2, 3, 4, 5];
  const task = script("touch f.began", ...steps.flatMap((step) => [`wait-for f${step}.go`, `say ${step}`]), "say done");
  const result = await whileClockMoves(hourMs, async () => {
    const running = delegateWith(tools, { agent: "worker", task });
    await until(() => existsSync(inKiln(daemon, "f.began")), { what: "the child to begin" });
    for (const step of steps) {
      const at = performance.now() + 250;
      await until(() => performance.now() >= at);
      writeFileSync(inKiln(daemon, `f${step}.go`), "");
    }
    return running;
  });
  expect(result).toMatchObject({ status: "completed", result: expect.stringMatching(/done$/) as string });
  expect(result.duration_ms).toBeGreaterThan(1000);
  expect(result.duration_ms).toBeLessThan(60_000);
});

test("a silent one is ended in its time while the clock is set back", async () => {
  const result = await whileClockMoves(-hourMs, () => delegateWith(tools, { agent: "worker", task: "hang" }));
  expect(result).toMatchObject({ status: "timed_out", error: { code: "CRU_DELEGATION_STALLED" } });
  expect(result.duration_ms).toBeGreaterThanOrEqual(stallMs);
  expect(result.duration_ms).toBeLessThan(60_000);
});

test("a child is not taken for stalled because the daemon itself was stopped for a while", async () => {
  const task = script("touch s.began", "wait-for s.go", "say done");
  const running = delegateWith(tools, { agent: "worker", task });
  await until(() => existsSync(inKiln(daemon, "s.began")), { what: "the child to begin" });
  daemon.kill("SIGSTOP");
  const at = performance.now() + stallMs + 200;
  await until(() => performance.now() >= at);
  daemon.kill("SIGCONT");
  writeFileSync(inKiln(daemon, "s.go"), "");
  expect(await running).toMatchObject({ status: "completed", result: "done" });
});
