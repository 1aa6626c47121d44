/** A store of every earlier release, with data in it, opens with this one and has lost nothing. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBus } from "../../../src/observe/bus.ts";
import { migrations } from "../../../src/sessions/migrations.ts";
import { openStore } from "../../../src/sessions/store.ts";

let folder: string;
const warnings: string[] = [];
const bus = createBus();
bus.on("warning", ({ message }) => warnings.push(message));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cru-store-"));
  warnings.length = 0;
});
afterEach(() => rm(folder, { recursive: true }));

/** What each version could hold, written as its release wrote it. */
const written: Record<number, string> = {
  1: `INSERT INTO sessions VALUES ('ses_a', 'editor', 'claude', 'agent-a', NULL, '/kiln', '["/more"]', 'Title', 5, 6);
      INSERT INTO delegations VALUES ('del_a', 'ses_a', 'ses_b', 'codex', x'74', x'646f', 'completed', x'646f6e6500', 'end_turn',
        NULL, '[]', '[{"kind":"file"}]', '{"tokens":3,"cost":null}', 7, 8);`,
  2: `INSERT INTO handoffs VALUES ('ses_a', 1, 'claude', 'codex', 9, NULL);`,
  3: `UPDATE delegations SET notes = '["noted"]';`,
  4: `INSERT INTO transcripts VALUES ('ses_a', 1, 1, '{"params":{},"at":5,"from":"client","method":"session/prompt"}');
      INSERT INTO permissions VALUES ('ask_a', 'ses_a', 5, '{"id":"ask_a"}');
      UPDATE sessions SET usage = '{"tokens":9,"cost":null}', ended_at = 11, end_reason = 'closed' WHERE id = 'ses_a';`,
  5: `UPDATE sessions SET sandbox = '{"mechanism":"bwrap","strength":"full","lost":[]}';`,
};

test("there is data for every version", () => {
  expect(Object.keys(written).map(Number)).toEqual(migrations.map((_, index) => index + 1));
});

for (const version of Object.keys(written).map(Number)) {
  test(`a store of version ${version} opens, and all that was in it is there`, () => {
    const database = new Database(join(folder, "crucible.db"));
    for (let step = 1; step <= version; step++) database.exec(`${migrations[step - 1]} ${written[step]}`);
    database.pragma(`user_version = ${version}`);
    database.close();

    const store = openStore(folder, bus);
    try {
      expect(store.findSession("ses_a")).toEqual({
        id: "ses_a",
        origin: "editor",
        profile: "claude",
        agentSessionId: "agent-a",
        parentId: null,
        cwd: "/kiln",
        additionalDirectories: ["/more"],
        title: "Title",
        createdAt: 5,
        updatedAt: 6,
        usage: { tokens: version < 4 ? null : 9, cost: null },
        endedAt: version < 4 ? null : 11,
        endReason: version < 4 ? "" : "closed",
        sandbox: version < 5 ? null : { mechanism: "bwrap", strength: "full", lost: [] },
      });
      expect(store.findDelegation("del_a")).toMatchObject({ title: "t", task: "do", result: "done\0", createdAt: 7 });
      expect(store.findDelegation("del_a")?.notes).toEqual(version < 3 ? [] : ["noted"]);
      expect(store.handoffsOf("ses_a")).toHaveLength(version < 2 ? 0 : 1);
      expect(store.messagesOf("ses_a")).toHaveLength(version < 4 ? 0 : 1);
      expect(store.permissionsOf("ses_a")).toHaveLength(version < 4 ? 0 : 1);
      store.appendMessage({ sessionId: "ses_a", at: 1, from: "client", method: "session/prompt", params: {} });
      expect(store.messagesOf("ses_a").at(-1)?.number).toBe(version < 4 ? 1 : 2);
      expect(warnings).toEqual([]);
    } finally {
      store.close();
    }
  });
}
