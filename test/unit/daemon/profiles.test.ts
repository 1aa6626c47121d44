/** Which profile a caller works with, and what it is told where that cannot be known. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { AgentPrograms } from "../../../src/daemon/agent-programs.ts";
import { chooseProfile } from "../../../src/daemon/profiles.ts";

/** On a machine where only these programs are installed, with this configuration. */
async function chosen(text: string, { installed, named }: { installed: readonly string[]; named?: string }) {
  const home = mkdtempSync(join(tmpdir(), "cru-profiles-"));
  onTestFinished(() => rmSync(home, { recursive: true }));
  for (const program of installed) {
    writeFileSync(join(home, program), "#!/bin/sh\n");
    chmodSync(join(home, program), 0o755);
  }
  const file = join(home, "crucible.toml");
  writeFileSync(file, text);
  const env = { HOME: home, PATH: home, SHELL: "/bin/false" };
  const config = loadConfig({ file, env, cwd: home, handStarted: false });
  const programs = new AgentPrograms(() => config, env);
  return chooseProfile(named, { config, programs }).then(
    ({ name }) => name,
    ({ message, hint }: { message: string; hint: string }) => `${message}\n${hint}`,
  );
}

const own = '[acp.agents.mine]\ncommand = "mine"\n';

test("the one that is named, else the default, else the one built-in agent that is installed", async () => {
  expect(await chosen(own, { installed: ["opencode"], named: "mine" })).toBe("mine");
  expect(await chosen(`[acp]\ndefault_agent = "mine"\n${own}`, { installed: ["opencode"] })).toBe("mine");
  expect(await chosen(own, { installed: ["opencode"] })).toBe("opencode");
});

test("where several are installed it says which, and how to choose", async () => {
  const told = await chosen("", { installed: ["opencode", "gemini"] });
  expect(told).toMatch(/^several agents are installed: opencode and gemini\nchoose one: .*--agent NAME/);
});

test("where none is installed it offers those of the configuration, else how to install one", async () => {
  expect(await chosen(own, { installed: [] })).toMatch(/^none of the built-in agents .*\nchoose mine: .*default_agent/);
  expect(await chosen("", { installed: [] })).toMatch(/\ninstall one, for example: npm install -g /);
});

test("a name that does not exist is told with those that do", async () => {
  expect(await chosen(own, { installed: [], named: "mone" })).toMatch(/"mone"; did you mean "mine"\?\nthe agents are /);
});
