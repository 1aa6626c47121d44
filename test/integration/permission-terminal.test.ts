/** Questions of children of `crucible delegate`: a person at its terminal answers them. */
import { expect, test } from "vitest";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { inTerminal } from "../support/pseudo-terminal.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { assertIdle, delegateLine, endOf, script } from "./delegating.ts";

let daemon: TestDaemon;

shareAmongTests({
  open: async () => {
    const hurried = "[acp.agents.hurried.permissions]\nask_timeout_seconds = 0.5\n";
    const profiles = [
      scriptedProfile("asker"),
      scriptedProfile("middle", { delegation: "enabled = true" }),
      scriptedProfile("hurried"),
    ];
    daemon = await startDaemon({ config: profiles.join("\n") + hurried });
  },
  check: () => assertIdle(daemon),
  close: () => endOf(daemon),
});

const command = (line: string): string =>
  `ask ${JSON.stringify({ toolCall: { title: line, kind: "execute", rawInput: { command: line } } })}`;
const prompt = "[y]es, once, [a]lways, [n]o, n[e]ver: ";

test("it says who asks, for what, and what exactly; each answer counts for its question", async () => {
  const task = script(command("make a"), command("make b"), command("make b"), command("make c"), command("make c"));
  const terminal = inTerminal(daemon.home, ["delegate", "asker", task, "--description", "Build it"]);
  await terminal.sees("asker asks (Build it, depth 1)");
  await terminal.sees("execute | make a");
  await terminal.sees(prompt);
  terminal.type("perhaps");
  await terminal.sees(prompt);
  terminal.type("y");
  await terminal.sees("make b");
  await terminal.sees(prompt);
  terminal.type("Always");
  await terminal.sees("make c");
  await terminal.sees(prompt);
  terminal.type("e");
  expect(await terminal.ended).toBe(0);
  const answers = terminal.shown.match(/"optionId":"\w+"/g);
  expect(answers).toEqual(["allow", "allow", "allow", "reject", "reject"].map((id) => `"optionId":"${id}"`));
});

test("from two levels down, with the task on the standard input; what agents say commands nothing", async () => {
  const evil = "make \u001b[2Jx \u202Ey\n second line";
  const content = [{ type: "diff", path: "/a/b", oldText: "same\nold\nsame", newText: "same\nnew\nsame" }];
  const toolCall = { title: "t", kind: "execute", rawInput: { command: evil }, content };
  const task = delegateLine({ agent: "asker", task: `ask ${JSON.stringify({ toolCall })}`, description: "Deep" });
  const terminal = inTerminal(daemon.home, ["delegate", "middle", "-"], { input: task });
  await terminal.sees("asker asks (Deep, depth 2)");
  await terminal.sees("make [2Jx y");
  await terminal.sees("|  second line");
  await terminal.sees("/a/b");
  await terminal.sees("- old");
  await terminal.sees("+ new");
  await terminal.sees(prompt);
  terminal.type("n");
  expect(await terminal.ended).toBe(0);
  expect(terminal.shown).toContain("reject");
});

test("two children's questions come one after the other", async () => {
  const task = `delegates ${JSON.stringify(["one", "two"].map((name) => ({ agent: "asker", task: command(`make ${name}`) })))}`;
  const terminal = inTerminal(daemon.home, ["delegate", "middle", task]);
  for (const answer of ["y", "n"]) {
    await terminal.sees(prompt);
    terminal.type(answer);
  }
  expect(await terminal.ended).toBe(0);
  expect(terminal.shown.match(/\? asker asks/g)).toHaveLength(2);
});

test("a question is taken back at its deadline, and what is typed before a question is no answer to it", async () => {
  const terminal = inTerminal(daemon.home, ["delegate", "hurried", script(command("make a"), command("make b"))]);
  terminal.type("y");
  for (const name of ["a", "b"]) {
    await terminal.sees(`make ${name}`);
    await terminal.sees("taken back");
  }
  expect(await terminal.ended).toBe(0);
  expect(terminal.shown.match(/"optionId":"reject"/g)).toHaveLength(2);
});

test("without a terminal nobody is asked", async () => {
  const { stdout, code } = await daemon.crucible(["delegate", "asker", command("make"), ...daemon.home.place]);
  expect(code).toBe(0);
  expect(stdout).toContain("reject");
});
