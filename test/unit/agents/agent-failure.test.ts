/** What is told of an agent that has gone: how it ended, and only such advice as fits that. */
import { expect, test } from "vitest";
import { hasGone } from "../../../src/agents/agent-failure.ts";
import { timedOut } from "../../../src/base/deadline.ts";
import type { ProcessExit } from "../../../src/process/child.ts";
import { profile } from "../sessions/profiles.ts";

const inBwrap = {
  profile: { ...profile("worker"), command: "worker" },
  process: { stderrTail: () => "" },
  confinement: { mechanism: "bwrap", strength: "full" },
  unreached: ["/opt/log lies where it can only read"],
} as never;

function told(exit: ProcessExit | typeof timedOut): string {
  const { message, hint } = hasGone(inBwrap, { exit, isStarted: true });
  return `${message}\n${hint}`;
}

test("one that ended by itself may have missed something in its sandbox; one that was ended by a signal has not", () => {
  const missed = "it ran in a sandbox (bwrap): /opt/log lies where it can only read; name what it misses";
  expect(told({ code: 1, signal: null })).toContain(`agent worker exited with code 1\n${missed}`);
  expect(told(timedOut)).toContain(`agent worker closed its output\n${missed}`);
  expect(told({ code: null, signal: "SIGKILL" })).toBe("agent worker was ended by SIGKILL\ntry it on its own: worker");
});
