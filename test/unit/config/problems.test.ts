import { describe, expect, test } from "vitest";
import { maxReportedProblems } from "../../../src/config/problems.ts";
import { load, loadError } from "./config-folder.ts";

/** The first lines of each reported problem. */
function headings(toml: string, env?: Record<string, string>): string[] {
  return loadError(toml, env)
    .shown.split("\n")
    .filter((line) => line.startsWith("crucible.toml:"));
}

describe("a mistake is reported", () => {
  test("with file, line, column, the lines around it, a mark, and what was probably meant", () => {
    const error = loadError(`# rules
[acp.agents.my-claude]
extends = "claude"

[acp.agents.my-claude.delegation]
enabled = true
max_dept = 2
allowed_targets = ["opencode"]
`);
    expect(error.code).toBe("CRU_CONFIG_INVALID");
    expect(error.exitCode).toBe(4);
    expect(error.shown).toBe(
      `crucible.toml:7:1: unknown key "max_dept" in [acp.agents.my-claude.delegation]; did you mean "max_depth"?

5 | [acp.agents.my-claude.delegation]
6 | enabled = true
7 | max_dept = 2
  | ^^^^^^^^
8 | allowed_targets = ["opencode"]`,
    );
    expect(error.hint).toContain("max_depth");
    expect(error.details).toMatchObject({ problems: [{ line: 7, column: 1 }] });
  });

  test("under the value when the value is wrong", () => {
    const error = loadError('[server]\n  max_agents = "many" # no\n');
    expect(error.shown).toBe(
      `crucible.toml:2:16: max_agents: expected a whole number from 1 to 1024, got "many"

1 | [server]
2 |   max_agents = "many" # no
  |                ^^^^^^`,
    );
  });

  test("together with all others, in the order of the text", () => {
    expect(
      headings(`
[acp]
default_agent = "cladue"
npx = 1
[acp.agents.a]
extends = "b"
[acp.agents.b]
extends = "a"
[acp.agents.c]
args = ["x", 3]
[acp.agents."d.e"]
command = "x"
[acp.agents.self]
command = "x"
[acp.agents.f]
command = "\${CRUCIBLE_TEST_UNSET}/x"
mod = "x"
startup_timeout_seconds = 0
[acp.agents.f.env]
A = 1
[acp.agents.f.delegation]
allowed_targets = ["gemini", "opncode"]
max_depth = 17
[server]
log_level = "loud"
[oven]
roots = []
[kiln]
network = "closed"
[permissions]
deny = ["rm *"]
[limits]
memory = "lots"
`),
    ).toEqual([
      'crucible.toml:3:17: default_agent: there is no profile "cladue"; did you mean "claude"?',
      "crucible.toml:4:7: npx: expected true or false, got 1",
      "crucible.toml:6:11: profiles extend each other in a circle: a → b → a",
      'crucible.toml:9:13: the profile "c" has neither command nor extends: nothing says what to start',
      "crucible.toml:10:14: entry of args: expected a string, got 3",
      'crucible.toml:11:13: "d.e" cannot be the name of a profile: expected 1 to 64 characters of A-Z, a-z, 0-9, "_" and "-"',
      'crucible.toml:13:13: a profile cannot be named "self": the word stands for the caller\'s own profile',
      "crucible.toml:16:11: the environment variable CRUCIBLE_TEST_UNSET is not set",
      'crucible.toml:17:1: unknown key "mod" in [acp.agents.f]; did you mean "mode"?',
      "crucible.toml:18:27: startup_timeout_seconds: expected a number above 0, at most 3600, got 0",
      "crucible.toml:20:5: A: expected a string, got 1",
      'crucible.toml:22:30: allowed_targets: there is no profile "opncode"; did you mean "opencode"?',
      "crucible.toml:23:13: max_depth: expected a whole number from 0 to 16, got 17",
      'crucible.toml:25:13: log_level: expected "trace", "debug", "info", "warn" or "error", got "loud"',
      'crucible.toml:26:2: unknown key "oven" at the top of the file; this version of Crucible knows acp, permissions, kiln, sandbox, limits and server there',
      'crucible.toml:29:11: network: expected "open" or "none" or an array of hosts ("api.example.com", "*.example.org:443"), got "closed"',
      'crucible.toml:31:9: entry of deny: expected a kind (read, edit, delete, move, search, execute, fetch, mcp, other or *) and a pattern, such as "execute:rm *", got "rm *"',
      'crucible.toml:33:10: memory: expected a whole number of bytes, at least 1048576, or a size such as "512MB" or "4GiB", got "lots"',
    ]);
  });

  test("a size below the least that is taken, however it is written", () => {
    for (const size of ["1023", '"1K"', '"0.9MiB"', '"0GiB"'])
      expect(loadError(`limits = { memory = ${size} }`).shown).toContain(
        "memory: expected a whole number of bytes, at least 1048576",
      );
    expect(load('limits = { memory = "1MiB" }').limits.memory).toBe(1024 ** 2);
  });

  test("so many times in full, then as a number", () => {
    const lines = Array.from({ length: maxReportedProblems + 5 }, (_, index) => `unknown_${index} = 1`);
    const error = loadError(lines.join("\n"));
    expect(error.shown.split("\n")[0]).toBe(`${lines.length} problems in crucible.toml`);
    expect(error.shown.match(/unknown key/g)).toHaveLength(maxReportedProblems);
    expect(error.shown).toMatch(/and 5 more$/);
  });

  test("with the table a key belongs into when it stands in the wrong one", () => {
    expect(headings('[acp.agents.x]\nextends = "claude"\nmax_depth = 2\nlog_level = "info"\n')).toEqual([
      'crucible.toml:3:1: unknown key "max_depth" in [acp.agents.x]; it belongs in [acp.agents.x.delegation]',
      'crucible.toml:4:1: unknown key "log_level" in [acp.agents.x]; it belongs in [server]',
    ]);
    expect(headings('[agents.x]\nextends = "claude"\n')).toEqual([
      'crucible.toml:1:2: unknown key "agents" at the top of the file; it belongs in [acp]',
    ]);
  });

  test("for a section in the wrong place", () => {
    expect(headings("[acp.server]\nmax_agents = 2\n")).toEqual([
      'crucible.toml:1:6: unknown key "server" in [acp]; it belongs at the top of the file',
    ]);
  });

  test("when a target is self, which needs no entry", () => {
    const error = loadError('[acp.agents.x]\nextends = "claude"\ndelegation.allowed_targets = ["self"]\n');
    expect(error.shown).toMatch(/^crucible\.toml:3:31: allowed_targets: "self" is not the name of a profile\n/);
    expect(error.hint).toContain("Leave");
  });

  test("for other ways of writing a value", () => {
    const toml = '[permissions]\ndefault = "alow"\n[sandbox]\nmode = "bwarp"\n[server]\nlog_level = "Debug"\n';
    const meant = ["allow", "bwrap", "debug"].map((name) => expect.stringContaining(`; did you mean "${name}"?`));
    expect(headings(toml)).toEqual(meant);
  });

  test("for other ways of writing a key", () => {
    expect(headings("[acp]\ndefaultAgent = 1\n")[0]).toContain('did you mean "default_agent"?');
    expect(headings("[acp]\ndefault-agent = 1\n")[0]).toContain('did you mean "default_agent"?');
    expect(headings("[acp]\nzzzzzz = 1\n")[0]).not.toContain("did you mean");
    expect(headings('[acp.agents.x]\ncommand = "x"\nmodle = "m"\n')[0]).toContain('did you mean "model"?');
  });

  test.each([
    ["max_depth = 1.5", "a whole number from 0 to 16, got 1.5"],
    ["max_depth = -1", "a whole number from 0 to 16, got -1"],
    ["result_max_bytes = 0", "a whole number from 1 to 67108864, got 0"],
    ["max_concurrent_delegations = 0", "a whole number from 1 to 1024, got 0"],
    ["timeout_seconds = 0", "a number above 0, at most 604800, got 0"],
    ["timeout_seconds = nan", "a number above 0, at most 604800, got NaN"],
    ["timeout_seconds = inf", "a number above 0, at most 604800, got Infinity"],
    ['enabled = "yes"', 'true or false, got "yes"'],
    ["enabled = 2020-01-01", "true or false, got a date"],
    ["enabled = [true]", "true or false, got an array"],
    ['allowed_targets = "all"', 'an array of strings, got "all"'],
    ["allowed_targets = { a = 1 }", "an array of strings, got a table"],
  ])("for %s", (line, message) => {
    const toml = `[acp.agents.x]\nextends = "claude"\n[acp.agents.x.delegation]\n${line}\n`;
    expect(headings(toml)).toEqual([expect.stringContaining(`: expected ${message}`)]);
  });

  test.each([
    ['command = ""', 'command: expected a string that is not empty, got ""'],
    ['command = "a\\u0000b"', "command: expected a string that is not empty (without NUL characters)"],
    ['args = ["a\\u0000b"]', "entry of args: expected a string (without NUL characters)"],
    ['env = ["A=1"]', "env: expected a table of strings, got an array"],
    ['env = { "A=" = "1" }', '"A=" cannot be the name of an environment variable'],
    ["delegation = true", "delegation: expected a table, got true"],
  ])("for %s in a profile", (line, message) => {
    const toml = `[acp.agents.x]\nextends = "claude"\n${line}\n`;
    expect(headings(toml)).toEqual([expect.stringContaining(message)]);
  });

  test("for a section that is no table", () => {
    expect(headings("acp = 3\n")).toEqual(["crucible.toml:1:7: acp: expected a table, got 3"]);
    expect(headings("[[acp.agents]]\nname = 1\n")).toEqual([
      "crucible.toml:1:7: agents: expected a table, got an array",
    ]);
  });

  test("without repeating a secret, in the message or in the lines around it", () => {
    const error = loadError(`
[acp.agents.x]
extends = "claude"
env = { OPENAI_API_KEY = "hunter2-hunter2", NUMBER = 1, SECRET_NUMBER = 123456 }
mode = 3
model = "sk-ant-REDACTME123"
[acp.agents.x.env2]
TOKEN = "${"x7Kp2Qm9".repeat(5)}"
`);
    expect(error.shown).not.toMatch(/hunter2|123456|REDACTME|x7Kp2Qm9/);
    expect(error.shown).toContain('OPENAI_API_KEY = "[redacted]", NUMBER = 1');
    expect(JSON.stringify(error.details)).not.toMatch(/hunter2|123456/);
  });

  test("with the mark in the right place behind a secret, a tab, and wide characters", () => {
    const error = loadError('[acp.agents.x]\nenv = { A_TOKEN = "hunter2",\t"Ä" = "😀", N = 1 }\nextends = "claude"\n');
    const [, , , frameLine, mark] = error.shown.split("\n");
    expect(error.shown).toMatch(/^crucible\.toml:2:45: N: expected a string, got 1/);
    expect(Array.from(frameLine!)[mark!.indexOf("^")]).toBe("1");
  });

  test("in a line of any length, with the part around the mark", () => {
    const error = loadError(`[acp]\nnpx = ${" ".repeat(1000)}3 # ${"x".repeat(1000)}\n`);
    const lines = error.shown.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(200);
    const mark = lines.findIndex((line) => line.includes("^"));
    expect(lines[mark - 1]![lines[mark]!.indexOf("^")]).toBe("3");
  });

  test("without what a terminal would obey", () => {
    expect(loadError('[acp]\nnpx = "\u202e" # \u009b31m\n').shown).not.toMatch(/[\u202e\u009b]/);
  });
});
