import { describe, expect, test } from "vitest";
import { commandTable } from "../../../src/cli/command-table.ts";
import { flagOf } from "../../../src/cli/command-spec.ts";
import { buildProgram, runProgram } from "../../../src/cli/program.ts";
import { quickCall } from "../../../src/cli/quick-arguments.ts";
import { errorText } from "../../../src/cli/render/error-text.ts";
import { styleFor } from "../../../src/cli/render/style.ts";

const plain = styleFor({ isTTY: false }, {});

/** What a person sees who types this. */
async function complaintAbout(line: string): Promise<string> {
  try {
    await runProgram(line.split(" "));
  } catch (error) {
    return errorText(error, plain);
  }
  throw new Error(`nothing was wrong with: ${line}`);
}

describe("a wrong command line", () => {
  test.each([
    ["srve", "unknown command 'srve'; did you mean serve?", "crucible --help"],
    ["serve --sokcet x", "unknown option '--sokcet'; did you mean --socket?", "crucible serve --help"],
    ["acp --agnet x", "unknown option '--agnet'; did you mean --agent?", "crucible acp --help"],
    ["delegate opencode", "missing required argument 'TASK'", "crucible delegate --help"],
    ["serve --config", "option '--config <FILE>' argument missing", "crucible serve --help"],
    ["config chek", "unknown command 'chek'; did you mean check?", "crucible config --help"],
    ["status now", "too many arguments for 'status'. Expected 0 arguments but got 1.", "crucible status --help"],
  ])("%s", async (line, message, help) => {
    expect(await complaintAbout(line)).toBe(`error: ${message} [CRU_USAGE]\n\nhint: see \`${help}\`\n`);
  });

  test("with a value that is none of the choices names them", async () => {
    expect(await complaintAbout("serve --log-level loud")).toContain("trace, debug, info, warn, error");
  });
});

describe("the quick parser", () => {
  const lines = [
    "acp",
    "acp --agent my-claude",
    "acp --agent=my-claude --socket /tmp/s --config c.toml --no-autostart",
    "acp --terminal-auth login",
    "acp --agent first --agent second",
    "serve --log-level debug",
    "delegate claude task",
    "delegate --json claude - --cwd /tmp --from me",
    "delegate claude -- --task",
    "config show --json",
    "sessions export ses_1",
  ];

  test.each(lines)("takes %s as the command-line library does", async (line) => {
    const seen: unknown[] = [];
    const table = commandTable.map((spec) => {
      return { ...spec, run: async (options: unknown, args: readonly string[]) => (seen.push([options, args]), 0) };
    });
    const output = { help: "", missing: "" };
    await buildProgram({ output, onExit: () => {}, table }).parseAsync(line.split(" "), { from: "user" });
    const call = quickCall(line.split(" "), commandTable);
    expect([call?.options, call?.args]).toEqual(seen[0]);
    expect(line.startsWith(call!.spec.name)).toBe(true);
  });

  const others = [
    "",
    "help",
    "--version",
    "srve",
    "config",
    "config chek",
    "acp --help",
    "acp -h",
    "acp --agnet x",
    "acp --agent",
    "acp stray",
    "acp --no-autostart=yes",
    "serve --log-level loud",
    "delegate claude",
    "delegate claude task more",
    "delegate claude --task",
  ];

  test.each(others)("leaves %j to it", (line) => {
    expect(quickCall(line.split(" "), commandTable)).toBeUndefined();
  });
});

describe("every command", () => {
  const output = { help: "", missing: "" };
  const program = buildProgram({ output, onExit: () => {} });

  test("--json is there wherever data is printed", () => {
    const withoutData = ["serve", "acp", "mcp", "demo", "stop"];
    const silent = commandTable.filter(({ options }) => options["json"] === undefined).map(({ name }) => name);
    expect(silent).toEqual(withoutData);
  });

  test.each(commandTable.map((spec) => [spec.name, spec] as const))("%s explains itself", (name, spec) => {
    const command = name.split(" ").reduce((at, word) => at.commands.find((one) => one.name() === word)!, program);
    const help = command.helpInformation();
    for (const [option, { hidden, text }] of Object.entries(spec.options)) {
      expect(help.includes(flagOf(option))).toBe(!hidden);
      expect(text).toMatch(/^[^A-Z]/);
    }
    expect(spec.examples.length).toBeGreaterThan(0);
    for (const { line } of spec.examples) expect(line).toContain(`crucible ${name}`);
    expect(spec.summary).not.toMatch(/\.$/);
  });
});
