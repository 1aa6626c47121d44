/** The rules of crucible.toml at work: whom they hold, what they answer without a human, and what a human's "always" is worth. */
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createBus } from "../../src/observe/bus.ts";
import { openStore } from "../../src/sessions/store.ts";
import { until } from "../support/conditions.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  assertNoChildren,
  control,
  delegateLine,
  endOf,
  inKiln,
  nested,
  openParent,
  script,
  type Parent,
} from "./delegating.ts";
import { nth, permissionMethod, slowPerson, type Question } from "./slow-person.ts";

function profile(
  name: string,
  permissions?: string,
  delegation = "enabled = true\nmax_depth = 2\nallow_cycles = true",
): string {
  const own = permissions === undefined ? "" : `[acp.agents.${name}.permissions]\n${permissions}\n`;
  return scriptedProfile(name, { delegation }) + own;
}

const config = [
  '[kiln]\ndeny = ["**/.secret", "**/.git/hooks/**"]',
  '[permissions]\nallow = ["execute:npm test", "edit:docs/**", "mcp:github_*", "fetch:docs.example.com"]',
  'ask = ["execute:npm test --watch"]',
  'deny = ["execute:rm *", "edit:**/.env"]\n',
  profile("plain"),
  profile("careful", 'default = "deny"\nallow = ["execute:ls *"]'),
  profile("trusting", 'default = "allow"\nunattended = "allow"'),
  profile("hurried", "ask_timeout_seconds = 3"),
  profile("wary", 'ask = ["edit:*.lock"]'),
  profile("strict", 'default = "allow"\ndeny = ["execute:curl *"]'),
].join("\n");

let daemon: TestDaemon;
const parents = new Map<string, Parent>();

shareAmongTests({
  open: async () => {
    daemon = await startDaemon({ config });
    for (const name of ["plain", "careful", "trusting", "strict", "hurried", "wary"])
      parents.set(name, await openParent(daemon, name));
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, parents.values()),
});

function parentOf(name: string): Parent {
  return parents.get(name)!;
}

const command = (line: string): string => ask({ kind: "execute", title: line, rawInput: { command: line } });
const edit = (path: string): string =>
  ask({ kind: "edit", title: `Edit ${path}`, locations: [{ path: inKiln(daemon, path) }] });
const ask = (toolCall: Record<string, unknown>, more: Record<string, unknown> = {}): string =>
  `ask ${JSON.stringify({ toolCall, ...more })}`;

const allowed = '{"outcome":"selected","optionId":"allow"}';
const rejected = '{"outcome":"selected","optionId":"reject"}';

/** What the agent of a root session hears, with nobody answering at its editor. */
async function heardByRoot(name: string, line: string): Promise<string> {
  const questions = slowPerson(parentOf(name));
  const turn = parentOf(name).prompt(line);
  const answer = await Promise.race([turn.then(({ text }) => text), nth(questions, 0)]);
  if (typeof answer === "string") return answer;
  answer.answer("reject");
  await turn;
  return "asked";
}

/** The same for a child of `parent`. */
async function heardByChild(parent: string, child: string, line: string): Promise<string> {
  const questions = slowPerson(parentOf(parent));
  const result = parentOf(parent).delegate({ agent: child, task: line });
  const answer = await Promise.race([result.then(({ result: text }) => text), nth(questions, 0)]);
  if (typeof answer === "string") return answer;
  answer.answer("reject");
  await result;
  return "asked";
}

describe("without asking anybody", () => {
  test.each([
    ["a command that is allowed", () => command("npm test"), allowed],
    ["one that is denied, hidden in another", () => command("npm test && rm -rf /"), rejected],
    ["an edit that is allowed", () => edit("docs/a.md"), allowed],
    ["one that is denied", () => edit("docs/.env"), rejected],
    ["an MCP tool that is allowed", () => ask({ kind: "other", title: "mcp__github__list" }), allowed],
    [
      "an address that is allowed",
      () => ask({ kind: "fetch", rawInput: { url: "https://docs.example.com/x" } }),
      allowed,
    ],
  ])("%s is answered: for a root session and for a child alike", async (_, line, answer) => {
    expect(await heardByRoot("plain", line())).toBe(answer);
    expect(await heardByChild("plain", "plain", line())).toBe(answer);
  });

  test("what no rule fits, and what a rule says to ask, is asked", async () => {
    for (const line of [
      command("make"),
      command("npm test --watch"),
      edit("src/a"),
      ask({ kind: "other", title: "Something" }),
    ]) {
      expect(await heardByRoot("plain", line)).toBe("asked");
      expect(await heardByChild("plain", "plain", line)).toBe("asked");
    }
  });

  test("a profile's own rules stand in place of the common ones", async () => {
    expect(await heardByRoot("careful", command("npm test"))).toBe(rejected);
    expect(await heardByRoot("careful", command("ls -l"))).toBe(allowed);
    expect(await heardByRoot("trusting", command("rm x"))).toBe(allowed);
  });

  test("what the parent may not, its child may not, whatever the child's own rules", async () => {
    expect(await heardByRoot("trusting", command("curl x"))).toBe(allowed);
    expect(await heardByChild("strict", "trusting", command("curl x"))).toBe(rejected);
    expect(await heardByChild("strict", "trusting", command("wget x"))).toBe(allowed);
    expect(await heardByChild("trusting", "strict", command("curl x"))).toBe(rejected);
    // What the parent is asked about, the child is asked about as well.
    expect(await heardByChild("plain", "trusting", command("make"))).toBe("asked");
  });

  test("from the root down to a grandchild", async () => {
    const task = delegateLine({ agent: "trusting", task: command("curl x") });
    expect(nested(await parentOf("strict").delegate({ agent: "trusting", task })).result).toBe(rejected);
  });

  test("what [kiln] deny closes is refused by whatever name, also where the rules allow everything", async () => {
    writeFileSync(inKiln(daemon, ".secret"), "x");
    symlinkSync(".secret", inKiln(daemon, "harmless"));
    for (const path of [".secret", "harmless", ".git/hooks/pre-commit"]) {
      expect(await heardByRoot("trusting", edit(path))).toBe(rejected);
      expect(await heardByChild("trusting", "trusting", edit(path))).toBe(rejected);
    }
    expect(await heardByRoot("trusting", edit(".git/config"))).toBe(allowed);
  });

  test("a tool that was not given cannot be allowed, by no rule", async () => {
    const tools = await parentOf("trusting").tools();
    const call = { agent: "trusting", task: command("ls"), tools: ["read"] };
    const { structuredContent } = await tools.callTool({ name: "delegate_session", arguments: call });
    expect(structuredContent).toMatchObject({ result: rejected });
    await tools.close();
  });

  test("the command that only the tool call before the question named is found", async () => {
    const call = { sessionUpdate: "tool_call", toolCallId: "t1", title: "Shell", kind: "execute", status: "pending" };
    const before = `update ${JSON.stringify({ ...call, rawInput: { command: "rm x" } })}`;
    const question = `request session/request_permission ${JSON.stringify({ toolCall: { toolCallId: "t1" }, options })}`;
    const { text } = await parentOf("plain").prompt(script(before, question));
    expect(JSON.parse(text)).toEqual({ outcome: { outcome: "selected", optionId: "no" } });
  });
});

const options = [
  { optionId: "yes", name: "Yes", kind: "allow_once" },
  { optionId: "yes2", name: "Yes, differently", kind: "allow_once" },
  { optionId: "no", name: "No", kind: "reject_once" },
  { optionId: "no2", name: "No, and stop", kind: "reject_once" },
];

describe("the answer is one that the agent offers", () => {
  test("the first of its kind", async () => {
    const line = ask({ kind: "execute", rawInput: { command: "npm test" } }, { options });
    expect(await heardByRoot("plain", line)).toBe('{"outcome":"selected","optionId":"yes"}');
  });

  test("never an always: where nothing else allows, it is asked", async () => {
    const always = [{ optionId: "a", name: "A", kind: "allow_always" }, options[2]];
    const line = ask({ kind: "execute", rawInput: { command: "npm test" } }, { options: always });
    expect(await heardByRoot("plain", line)).toBe("asked");
  });

  test("a denial withdraws the question where rejecting is not offered", async () => {
    const line = ask({ kind: "execute", rawInput: { command: "rm x" } }, { options: [options[0]] });
    expect(await heardByRoot("plain", line)).toBe('{"outcome":"cancelled"}');
  });
});

describe("an always of the human", () => {
  test("holds for just this, in just this session", async () => {
    const parent = await openParent(daemon, "plain");
    const questions = slowPerson(parent);
    const lines = [
      command("make a"),
      command("make a"),
      command("make b"),
      edit("src/x"),
      edit("src/x"),
      edit("src/y"),
    ];
    const turn = parent.delegate({ agent: "plain", task: script(...lines) });
    const answers = ["always", "reject", "always", "reject"];
    for (const [index, answer] of answers.entries()) (await nth(questions, index)).answer(answer);
    const heard = (await turn).result.match(/allow|reject/g);
    expect(heard).toEqual(["allow", "allow", "reject", "allow", "allow", "reject"]);
    expect(questions.map(({ params }) => String(params.toolCall["title"]).split(": ")[1])).toEqual([
      "make a",
      "make b",
      "Edit src/x",
      "Edit src/y",
    ]);

    const again = parent.delegate({ agent: "plain", task: command("make a") });
    (await nth(questions, 4)).answer("reject");
    expect((await again).result).toBe(rejected);
    await parent[Symbol.asyncDispose]();
  });

  test("a never holds as well, and the agent of a root session gets the answer as it is", async () => {
    const parent = await openParent(daemon, "plain");
    const questions = slowPerson(parent);
    const turn = parent.prompt(script(command("make a"), command("make a"), command("make b"), command("make b")));
    (await nth(questions, 0)).answer("never");
    (await nth(questions, 1)).answer("always");
    const answers = (await turn).text.match(/allow|always|reject|never/g);
    expect(answers).toEqual(["never", "reject", "always", "allow"]);
    expect(questions).toHaveLength(2);
    await parent[Symbol.asyncDispose]();
  });

  test("overrides no rule that came to deny it", async () => {
    const parent = await openParent(daemon, "plain");
    const questions = slowPerson(parent);
    const first = parent.prompt(command("make a"));
    (await nth(questions, 0)).answer("always");
    await first;
    writeFileSync(daemon.home.configFile, config.replace('"execute:rm *"', '"execute:rm *", "execute:make *"'));
    using door = await control(daemon);
    await door.request("reload", {});
    expect((await parent.prompt(command("make a"))).text).toBe(rejected);
    writeFileSync(daemon.home.configFile, config);
    await door.request("reload", {});
    await parent[Symbol.asyncDispose]();
  });
});

describe("a question that is not answered", () => {
  function wasTakenBack({ editor }: Parent, question: Question): boolean {
    return editor.received.some(
      ({ method, params }) => method === "$/cancel_request" && params?.["requestId"] === question.id,
    );
  }

  test("in time is taken back and refused: a root session's", async () => {
    const questions = slowPerson(parentOf("hurried"));
    const { text } = await parentOf("hurried").prompt(command("make"));
    expect(text).toBe(rejected);
    await until(() => wasTakenBack(parentOf("hurried"), questions[0]!), { what: "the question to be taken back" });
  });

  test("in time is taken back and refused: a child's, and the next in line has its own time", async () => {
    const questions = slowPerson(parentOf("hurried"));
    const results = parentOf("hurried").delegateAll([
      { agent: "hurried", task: command("make a") },
      { agent: "hurried", task: command("make b") },
    ]);
    const second = await nth(questions, 1);
    second.answer("allow");
    expect((await results).map(({ result }) => result).toSorted()).toEqual([allowed, rejected].toSorted());
    await until(() => wasTakenBack(parentOf("hurried"), questions[0]!), { what: "the first to be taken back" });
  });
});

describe("where nobody can be asked", () => {
  test.each([
    ["plain", undefined, command("make"), rejected],
    ["trusting", undefined, command("npm publish"), allowed],
    ["trusting", "plain", ask({ kind: "execute", rawInput: { command: "make" } }), rejected],
    ["plain", undefined, command("npm test"), allowed],
    ["plain", undefined, command("rm x"), rejected],
  ])("the strictest of the lineage decides: %s asked from %s", async (agent, from, line, answer) => {
    using door = await control(daemon);
    const call = { agent, task: line, cwd: daemon.kiln, ...(from === undefined ? {} : { from }) };
    expect((await door.request("delegate", call)).result).toBe(answer);
  });
});

test("an editor is asked by the method of the protocol, and nothing is asked twice", async () => {
  const parent = parentOf("plain");
  slowPerson(parent);
  const before = parent.editor.received.filter(({ method }) => method === permissionMethod).length;
  await parent.prompt(command("npm test"));
  expect(parent.editor.received.filter(({ method }) => method === permissionMethod)).toHaveLength(before);
});

describe("what an agent does through its client without asking", () => {
  test("is refused by a rule that denies, for a root session and for a child", async () => {
    const { text } = await parentOf("plain").prompt(`write .env x`);
    expect(text).toContain("rule deny edit:**/.env of plain");
    const { result } = await parentOf("plain").delegate({ agent: "plain", task: "write .env x" });
    expect(result).toContain("rule deny edit:**/.env of plain");
    expect(existsSync(inKiln(daemon, ".env"))).toBe(false);
  });

  test("passes where nothing but the default would ask, and is refused where the default is to deny", async () => {
    expect((await parentOf("plain").delegate({ agent: "plain", task: "write free.txt x" })).result).toContain("wrote");
    const { result } = await parentOf("plain").delegate({ agent: "careful", task: "write bound.txt x" });
    expect(result).toContain("default deny of careful");
    expect(existsSync(inKiln(daemon, "bound.txt"))).toBe(false);
  });

  test("is asked by a rule that asks, once for what was just allowed", async () => {
    const questions = slowPerson(parentOf("wary"));
    const allowedBefore = script(edit("a.lock"), "write a.lock x", "write b.lock x", "write b.lock y");
    const turn = parentOf("wary").delegate({ agent: "wary", task: allowedBefore });
    (await nth(questions, 0)).answer("allow");
    const second = await nth(questions, 1);
    expect(second.params.toolCall).toMatchObject({ kind: "edit", locations: [{ path: inKiln(daemon, "b.lock") }] });
    expect(second.params.toolCall["title"]).toMatch(/wary asks .*edit .*b\.lock/);
    second.answer("allow_always");
    expect((await turn).result.match(/wrote/g)).toHaveLength(3);
    expect(questions).toHaveLength(2);
  });

  test("and is not done when the human says no, or nobody is there", async () => {
    const questions = slowPerson(parentOf("wary"));
    const turn = parentOf("wary").delegate({ agent: "wary", task: "write c.lock x" });
    (await nth(questions, 0)).answer("reject_once");
    expect((await turn).result).toContain("CRU_PERMISSION_DENIED");
    using door = await control(daemon);
    const { result } = await door.request("delegate", { agent: "wary", task: "write c.lock x", cwd: daemon.kiln });
    expect(result).toContain("CRU_PERMISSION_DENIED");
    expect(existsSync(inKiln(daemon, "c.lock"))).toBe(false);
  });
});

test("every decision is on record: who, what, which rule or person, without secrets", async () => {
  const parent = await openParent(daemon, "plain");
  const questions = slowPerson(parent);
  const secret = `curl -H "Authorization: Bearer ${"abcd1234".repeat(4)}" x`;
  const lines = [
    command("npm test"),
    command("rm x"),
    command("make"),
    command("make"),
    command(secret),
    "write /etc/x y",
  ];
  const turn = parent.delegate({ agent: "plain", task: script(...lines) });
  (await nth(questions, 0)).answer("always");
  const open = await nth(questions, 1);
  using door = await control(daemon);
  const { session } = await door.request("session", { id: parent.session, permissions: true });
  expect(session?.standing).toMatchObject({
    questions: [{ agent: "plain", kind: "execute", putAt: expect.any(Number) as number }],
    remembered: [{ agent: "plain", allows: true, kind: "execute", subjects: ["make"] }],
  });
  const shown = await daemon.home.crucible([
    "sessions",
    "show",
    parent.session,
    "--permissions",
    "--socket",
    daemon.home.socket,
  ]);
  expect(shown.stdout).toMatch(/remembered until the session ends\n.* plain +always +execute make\n/);
  expect(shown.stdout).toMatch(/questions that wait\n.* plain +asked +execute curl .*\[redacted\]/);
  expect((await door.request("status", {})).questions).toBe(1);
  open.answer("reject");
  await turn;

  const store = openStore(daemon.home.stateDirectory, createBus());
  const [child] = store.childrenOf(parent.session);
  const records = store.permissionsOf(child!.id);
  store.close();
  expect(records.map(({ kind, subject, decision, decidedBy }) => [kind, subject, decision, decidedBy])).toEqual([
    ["execute", "npm test", "allowed", "rule allow execute:npm test of plain"],
    ["execute", "rm x", "denied", "rule deny execute:rm * of plain"],
    ["execute", "make", "allowed", "the user (always)"],
    ["execute", "make", "allowed", "remembered"],
    ["execute", expect.stringContaining("[redacted]"), "denied", "the user (once)"],
    ["edit", "/etc/x", "denied", "kiln"],
  ]);
  expect(records[2]?.detail).toBe("asked by default ask of plain");
  expect(JSON.stringify(records)).not.toContain("abcd1234");

  const { stdout } = await daemon.crucible(["sessions", "show", child!.id, "--permissions", ...daemon.home.place]);
  expect(stdout).toMatch(/denied\s+execute rm x\s+by rule deny execute:rm \* of plain/);
  await parent[Symbol.asyncDispose]();
});

test("explain names the rules that would bind a child, and whose they are", async () => {
  const place = ["--config", daemon.home.configFile];
  const { stdout } = await daemon.crucible(["explain", "strict", "careful", ...place]);
  expect(stdout).toMatch(/its permissions\s+deny execute:curl \* \(strict\)\n/);
  expect(stdout).toMatch(/allow execute:ls \* \(careful\)\n/);
  expect(stdout).toMatch(/else deny, by the strictest of careful, strict\n/);
  expect(stdout).toMatch(/where nobody can be asked: deny\n/);
  const { stdout: json } = await daemon.crucible(["explain", "trusting", "trusting", "--json", ...place]);
  expect(JSON.parse(json)).toMatchObject({
    permissions: { default: "allow", unattended: "allow", deny: [], bound_by: ["trusting"] },
  });
});
