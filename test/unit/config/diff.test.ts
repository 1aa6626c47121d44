import { expect, test } from "vitest";
import { diffConfig } from "../../../src/config/diff.ts";
import { load } from "./config-folder.ts";

test("two loads of the same text do not differ", () => {
  const toml = '[acp.agents.a]\nextends = "claude"\nenv.A = "1"\n';
  expect(diffConfig(load(toml), load(toml))).toEqual([]);
});

test("changed keys are listed by their path in the file, profiles that came or went as a whole", () => {
  const before = load(`
[acp.agents.base]
extends = "claude"
model = "m1"
env = { A = "1", B = "2" }
[acp.agents.heir]
extends = "base"
[acp.agents.gone]
command = "x"
`);
  const after = load(`
[server]
log_level = "debug"
[acp.agents.base]
extends = "claude"
model = "m2"
env = { A = "1", C = "3" }
[acp.agents.heir]
extends = "base"
env = { C = "4" }
delegation = { allowed_targets = ["claude"] }
[acp.agents.new]
extends = "codex"
`);
  expect(diffConfig(before, after)).toEqual([
    "acp.agents.base.env.B",
    "acp.agents.base.env.C",
    "acp.agents.base.model",
    "acp.agents.gone",
    "acp.agents.heir.delegation.allowed_targets",
    "acp.agents.heir.env.B",
    "acp.agents.heir.env.C",
    "acp.agents.heir.model",
    "acp.agents.new",
    "server.log_level",
  ]);
});

test("a profile that extends another one differs even where the values are the same", () => {
  const before = load('[acp.agents.a]\nextends = "claude"\n[acp.agents.b]\nextends = "claude"\n');
  const after = load('[acp.agents.a]\nextends = "claude"\n[acp.agents.b]\nextends = "a"\n');
  expect(diffConfig(before, after)).toEqual(["acp.agents.b.extends"]);
});
