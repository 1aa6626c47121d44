/** What a child did, in its caller's result: files, commands, and what Crucible wrote for it. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { endOf, callDelegate, inKiln, mayDelegate, openParent, script, type Parent } from "./delegating.ts";

const config = [scriptedProfile("parent", { delegation: mayDelegate }), scriptedProfile("other")].join("\n");

let daemon: TestDaemon;
let parent: Parent;

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    parent = await openParent(daemon, "parent");
  },
  close: () => endOf(daemon, [parent]),
});

function tool(fields: Record<string, unknown>): string {
  return `tool ${JSON.stringify(fields)}`;
}

function edit(name: string, oldText: string | null, newText: string): string {
  const content = [{ type: "diff", path: inKiln(daemon, name), oldText, newText }];
  return tool({ title: `Edit ${name}`, kind: "edit", content });
}

test("a child that only talks has none", async () => {
  expect((await parent.delegate({ agent: "other", task: "say hi" })).artifacts).toEqual([]);
});

test("edits and commands come back in the result", async () => {
  const run = { title: "tests", kind: "execute", rawInput: { command: "npm test" }, rawOutput: { exit_code: 1 } };
  const task = script(edit("a.ts", "1\n2\n", "1\n3\n"), tool(run), edit("a.ts", "1\n3\n", "1\n3\n4\n"), "say done");
  const { artifacts } = await parent.delegate({ agent: "other", task });
  expect(artifacts).toEqual([
    { kind: "diff", path: "a.ts", added: 2, removed: 1, diff: expect.stringContaining("-2\n+3\n+4") as string },
    { kind: "command", command: "npm test", exit_code: 1 },
  ]);
});

test("what the child wrote through Crucible counts by what really changed", async () => {
  writeFileSync(inKiln(daemon, "kept.txt"), "one\ntwo\n");
  const task = script(
    'write kept.txt "one\\n2\\n"',
    'write kept.txt "one\\n2\\nthree\\n"',
    'write fresh.txt "hello\\n"',
    "write ../outside.txt no",
    "say done",
  );
  const { artifacts } = await parent.delegate({ agent: "other", task });
  expect(readFileSync(inKiln(daemon, "kept.txt"), "utf8")).toBe("one\n2\nthree\n");
  expect(artifacts).toMatchObject([
    { kind: "diff", path: "kept.txt", added: 2, removed: 1 },
    { kind: "diff", path: "fresh.txt", added: 1, removed: 0, diff: expect.stringContaining("--- /dev/null") as string },
  ]);
  expect(artifacts).toHaveLength(2);
});

test("a failed child's artifacts come back as well: what was changed is changed", async () => {
  const result = await parent.delegate({ agent: "other", task: script(edit("b.ts", "", "x\n"), "stop max_tokens") });
  expect(result).toMatchObject({ status: "failed", artifacts: [{ kind: "diff", path: "b.ts" }] });
});

test("the text for the model names them in two lines", async () => {
  const tools = await parent.tools();
  try {
    const gone = tool({ kind: "delete", locations: [{ path: inKiln(daemon, "old.ts") }] });
    const run = tool({ kind: "execute", rawInput: { command: "make" }, rawOutput: { exit_code: 0 } });
    const task = script(edit("c.ts", "1\n", "2\n"), gone, run, "say done");
    const { text } = await callDelegate(tools, { agent: "other", task });
    expect(text).toContain("Changed files: c.ts (+1 -1), old.ts (deleted)");
    expect(text).toContain("Commands: `make` (exit 0)");
  } finally {
    await tools.close();
  }
});

test("they are kept with the record of the delegation", async () => {
  const { delegation_id: id } = await parent.delegate({
    agent: "other",
    task: script(edit("d.ts", "", "x\n"), "say ok"),
  });
  const { text } = await parent.prompt("mcp list_delegations {}");
  const { delegations } = JSON.parse(text) as { delegations: Record<string, unknown>[] };
  expect(delegations.find((one) => one["delegation_id"] === id)).toMatchObject({
    artifacts: [{ kind: "diff", path: "d.ts", added: 1 }],
  });
});
