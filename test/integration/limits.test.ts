/** `[limits]`: an agent that uses more than it may is ended, and whoever waits for it is told why, with and without a sandbox. */
import { expect, test } from "vitest";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, openParent, type Parent } from "./delegating.ts";

let daemon: TestDaemon;
let parent: Parent;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({
      config: [
        '[limits]\npids = 16\nmemory = "400MB"\n',
        scriptedProfile("parent", { delegation: "enabled = true" }),
        scriptedProfile("held"),
        scriptedProfile("free"),
        '[acp.agents.free.sandbox]\nmode = "off"\n',
      ].join("\n"),
    });
    parent = await openParent(daemon, "parent");
  },
  close: () => endOf(daemon, [parent]),
});

const manyProcesses = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 60 & done; wait";
const muchMemory = `node -e 'const kept = []; setInterval(() => kept.push(Buffer.alloc(5e7, 1)), 50)'`;
const muchInFiles =
  "for part in 1 2 3; do head -c 100M /dev/zero > /tmp/$part; done; head -c 100M /dev/zero > /dev/shm/x; sleep 60";

test.each([
  ["held", manyProcesses, /\d\d processes, and may use 16/, /pids/],
  ["free", manyProcesses, /\d\d processes, and may use 16/, /pids/],
  ["held", muchMemory, /of memory, and may use/, /memory/],
  ["held", muchInFiles, /of memory, and may use/, /memory/],
])(
  "an agent that uses more than it may is ended, and its caller told why: %s, %s",
  async (agent, command, message, hint) => {
    const result = await parent.delegate({ agent, task: `shell-along ${JSON.stringify(command)}` });
    expect(result.error?.code).toBe("CRU_AGENT_LIMITS");
    expect(result.error?.message).toMatch(message);
    expect(result.error?.hint).toMatch(hint);
  },
);
