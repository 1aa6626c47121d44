import { describe, expect, test } from "vitest";
import { commandTable } from "../../../src/cli/command-table.ts";
import { flagOf } from "../../../src/cli/command-spec.ts";
import { buildProgram, runProgram } from "../../../src/cli/program.ts";
import { quickOptions } from "../../../src/cli/quick-arguments.ts";
import { errorText } from "../../../src/cli/render/error-text.ts";
import { styleFor } from "../../../src/cli/render/style.ts";

const plain = styleFor({ isTTY: false }, {});
const acp = commandTable.find(({ name }) => name === "acp")!;

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
    [],
    ["--agent", "my-claude"],
    ["--agent=my-claude", "--socket", "/tmp/s", "--config", "c.toml", "--no-autostart"],
    ["--terminal-auth", "login"],
    ["--agent", "first", "--agent", "second"],
  ];

  test.each(lines.map((args) => [args.join(" ") || "nothing", args] as const))(
    "takes %s as the command-line library does",
    async (_name, args) => {
      const seen: unknown[] = [];
      const spy = { ...acp, run: async (options: unknown) => (seen.push(options), 0) };
      const output = { help: "", missing: "" };
      await buildProgram({ output, onExit: () => {}, table: [spy] }).parseAsync(["acp", ...args], { from: "user" });
      expect(quickOptions(acp, [...args])).toEqual(seen[0]);
    },
  );

  test.each([["--help"], ["--version"], ["--agnet", "x"], ["--agent"], ["stray"], ["--no-autostart=yes"]])(
    "leaves %s to it",
    (...args) => {
      expect(quickOptions(acp, args)).toBeUndefined();
    },
  );
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
