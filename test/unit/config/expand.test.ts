import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { configFolder, load, loadError } from "./config-folder.ts";

const profile = (line: string) => `[acp.agents.x]\nextends = "claude"\n${line}\n`;

describe("~ and ${NAME}", () => {
  test("are expanded in command, cwd, socket and env, and nowhere else", () => {
    const folder = configFolder();
    const file = folder.write(
      "crucible.toml",
      `
[server]
socket = "~/s/\${WHO}.sock"
[acp.agents.x]
command = "~/bin/\${WHO}"
cwd = "\${WORK}"
args = ["~/a", "\${WHO}"]
description = "\${WHO}"
instructions = "~ \${WHO}"
env = { HERE = "~/x", LIST = "a:\${WHO}:\${NONE:-none}:\${EMPTY:-empty}:\${EMPTY}", PLAIN = "$WHO $\${WHO} x~", D = "\${NONE:-~/d}" }
`,
    );
    const config = loadConfig(folder.request({ file, env: { WHO: "me", WORK: "/srv", EMPTY: "" } }));
    expect(config.server.socket).toBe(join(folder.root, "s/me.sock"));
    expect(config.agents.get("x")).toMatchObject({
      command: join(folder.root, "bin/me"),
      cwd: "/srv",
      args: ["~/a", "${WHO}"],
      description: "${WHO}",
      instructions: "~ ${WHO}",
      env: {
        HERE: join(folder.root, "x"),
        LIST: "a:me:none:empty:",
        PLAIN: "$WHO ${WHO} x~",
        D: join(folder.root, "d"),
      },
    });
  });

  test("a variable's value is not expanded again", () => {
    expect(load(profile('env.A = "${V}"'), { V: "${OTHER} ~" }).agents.get("x")?.env).toEqual({ A: "${OTHER} ~" });
  });

  test("an unset variable without a default is an error at the value", () => {
    const error = loadError(profile('env = { A = "1", B = "x${NOT_SET}y" }'));
    expect(error.shown).toMatch(/^crucible\.toml:3:22: the environment variable NOT_SET is not set\n/);
    expect(error.hint).toContain("${NOT_SET:-default}");
  });

  test("what is no variable is an error that says what would be one", () => {
    for (const wrong of ["${}", "${A", "${A B}", "${1}", "${A-b}"]) {
      const error = loadError(profile(`env.A = '${wrong}'`), { A: "a" });
      expect(error.shown).toContain(`cannot read ${JSON.stringify(wrong)}: expected \${NAME} or \${NAME:-default}`);
    }
  });

  test("a path or command that comes out empty is an error", () => {
    for (const key of ["command", "cwd"]) {
      expect(loadError(profile(`${key} = "\${E}"`), { E: "" }).shown).toContain(`${key}: "\${E}" is empty`);
    }
  });
});

test("relative paths count from the directory of the file; a bare command is left for PATH", () => {
  const folder = configFolder();
  const file = folder.write(
    "sub/crucible.toml",
    `${profile('command = "./agent"\ncwd = "work"')}[acp.agents.y]\ncommand = "agent"\n`,
  );
  const { agents } = loadConfig(folder.request({ file }));
  expect(agents.get("x")).toMatchObject({
    command: join(folder.root, "sub/agent"),
    cwd: join(folder.root, "sub/work"),
  });
  expect(agents.get("y")?.command).toBe("agent");
});
