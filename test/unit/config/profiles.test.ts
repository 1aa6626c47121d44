import { describe, expect, test } from "vitest";
import { builtInProfiles } from "../../../src/config/builtin-profiles.ts";
import { load, loadError } from "./config-folder.ts";

describe("extends", () => {
  const chain = `
[acp.agents.house]
extends = "gemini"
args = ["--acp", "--house"]
model = "m1"
env = { A = "house", B = "house" }
startup_timeout_seconds = 90
delegation = { enabled = true, max_depth = 3, allowed_targets = ["claude"] }
[acp.agents.fast]
extends = "house"
model = "m2"
env.B = "fast"
delegation.max_depth = 1
`;

  test("follows chains: single values and arrays replace, env and delegation merge key by key", () => {
    const fast = load(chain).agents.get("fast");
    expect(fast).toMatchObject({
      name: "fast",
      family: "gemini",
      lineage: ["house", "gemini"],
      command: "gemini",
      args: ["--acp", "--house"],
      model: "m2",
      env: { A: "house", B: "fast" },
      startupTimeoutSeconds: 90,
      description: builtInProfiles.get("gemini")?.keys.description,
      npmPackage: "@google/gemini-cli",
      clientFiles: { read: false, write: true },
    });
    expect(fast?.delegation).toMatchObject({
      enabled: true,
      maxDepth: 1,
      allowedTargets: ["claude"],
      resultMaxBytes: 51200,
    });
  });

  test("leaves the profile that is extended as it is", () => {
    const house = load(chain).agents.get("house");
    expect(house).toMatchObject({ model: "m1", env: { A: "house", B: "house" }, lineage: ["gemini"] });
    expect(house?.delegation.maxDepth).toBe(3);
  });

  test("does not depend on the order in the file", () => {
    const config = load('[acp.agents.a]\nextends = "b"\n[acp.agents.b]\ncommand = "x"\nargs = ["1"]\n');
    expect(config.agents.get("a")).toMatchObject({ command: "x", args: ["1"], lineage: ["b"], family: undefined });
  });

  test("of its own name means the built-in profile, which the user's one then stands for", () => {
    const config = load(`
[acp.agents.claude]
extends = "claude"
model = "opus"
[acp.agents.other]
extends = "claude"
`);
    expect(config.agents.get("claude")).toMatchObject({ model: "opus", lineage: ["claude"], family: "claude" });
    expect(config.agents.get("other")).toMatchObject({
      model: "opus",
      lineage: ["claude", "claude"],
      family: "claude",
    });
  });

  test("is not needed by a profile that replaces a built-in one with a command of its own", () => {
    const claude = load('[acp.agents.claude]\ncommand = "my-own"\n').agents.get("claude");
    expect(claude).toMatchObject({ command: "my-own", args: [], description: "", family: undefined, lineage: [] });
    expect(claude?.install).toBeUndefined();
  });

  test("does not hand on how to install a program that is replaced", () => {
    const profile = load('[acp.agents.x]\nextends = "gemini"\ncommand = "gemini-nightly"\n').agents.get("x");
    expect(profile).toMatchObject({ family: "gemini", args: ["--acp"], install: undefined, npmPackage: undefined });
  });

  test("is refused in a circle, which is reported once, with its path", () => {
    const error = loadError(`
[acp.agents.in]
extends = "b"
[acp.agents.a]
extends = "b"
[acp.agents.b]
extends = "c"
[acp.agents.c]
extends = "a"
`);
    expect(error.shown).toMatch(/^crucible\.toml:5:11: profiles extend each other in a circle: a → b → c → a\n/);
  });

  test("is refused when a profile extends itself, or a built-in name through others", () => {
    expect(loadError('[acp.agents.a]\nextends = "a"\n').shown).toMatch(/^crucible\.toml:2:11: a extends itself\n/);
    const throughOthers = '[acp.agents.claude]\nextends = "x"\n[acp.agents.x]\nextends = "claude"\n';
    expect(loadError(throughOthers).shown).toContain("claude → x → claude");
  });

  test("of an unknown profile names the nearest one, once", () => {
    const error = loadError('[acp.agents.a]\nextends = "claud"\n[acp.agents.b]\nextends = "a"\n');
    expect(error.shown).toMatch(
      /^crucible\.toml:2:11: a extends "claud", which does not exist; did you mean "claude"\?\n/,
    );
    expect(error.hint).toContain('"gemini"');
  });
});

test("a profile with the name of a built-in one and no command refines it", () => {
  const refined = load("[acp.agents.claude.delegation]\nenabled = true\n").agents.get("claude");
  const extended = load('[acp.agents.claude]\nextends = "claude"\ndelegation.enabled = true\n').agents.get("claude");
  expect(refined).toEqual(extended);
  expect(refined).toMatchObject({ family: "claude", command: "claude-agent-acp", delegation: { enabled: true } });
});

test("targets and default agent may be any profile of the file, wherever it stands", () => {
  const config = load(`
[acp]
default_agent = "z"
[acp.agents.a]
extends = "claude"
delegation.allowed_targets = ["z", "a", "codex"]
[acp.agents.z]
command = "z"
`);
  expect(config.acp.defaultAgent).toBe("z");
  expect(config.agents.get("a")?.delegation.allowedTargets).toEqual(["z", "a", "codex"]);
});

test("every built-in profile says what it is good at, and how to install it", () => {
  for (const [name, profile] of builtInProfiles) {
    expect(profile.keys.description.length, name).toBeGreaterThan(20);
    expect(profile.install, name).toBeTruthy();
    expect(profile.npmPackage === undefined, name).toBe(name === "cursor");
  }
});
