import { join } from "node:path";
import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import { CrucibleError } from "../../../src/base/errors.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { maxNesting } from "../../../src/config/source.ts";
import { parse, stringify } from "smol-toml";
import { configFolder, load, loadError } from "./config-folder.ts";

const usualPermissions = {
  default: "ask",
  deny: [],
  ask: [],
  allow: [],
  unattended: "deny",
  askTimeoutSeconds: 3600,
};
const usualSandbox = { mode: "auto", accept: "partial", appliesTo: "children", home: "private" };

const published = `
[acp.agents.my-claude]
extends = "claude"

[acp.agents.my-claude.delegation]
enabled = true
max_depth = 2
allowed_targets = ["opencode", "cursor"]
result_max_bytes = 102400
max_concurrent_delegations = 3
`;

describe("a configuration", () => {
  test("needs no file: the five built-in profiles are there, and none of them may delegate", () => {
    const config = loadConfig(configFolder().request());
    expect(config.file).toBeUndefined();
    expect([...config.agents.keys()]).toEqual(["claude", "opencode", "cursor", "gemini", "codex"]);
    expect(config.agents.get("cursor")).toEqual({
      name: "cursor",
      family: "cursor",
      lineage: [],
      command: "cursor-agent",
      args: ["acp"],
      env: {},
      cwd: undefined,
      description: expect.stringContaining("many files"),
      model: undefined,
      mode: undefined,
      modelRoles: {},
      instructions: undefined,
      brief: undefined,
      startupTimeoutSeconds: 60,
      idleSeconds: 0,
      configDirs: [],
      permissions: usualPermissions,
      sandbox: usualSandbox,
      delegation: {
        enabled: false,
        maxDepth: 1,
        allowedTargets: "all",
        resultMaxBytes: 51200,
        maxConcurrentDelegations: 3,
        allowCycles: false,
        maxHandoffDepth: 3,
        maxHandoffsPerSession: 10,
        maxDelegationsPerSession: undefined,
        maxAgentsPerTree: 500,
        maxTokensPerTree: undefined,
        maxCostPerTree: undefined,
        maxSecondsPerTree: undefined,
        tools: "delegate",
        dynamicAgents: false,
        keepBackground: false,
        waitSeconds: undefined,
        stallSeconds: 1800,
        timeoutSeconds: undefined,
      },
      install: expect.stringContaining("cursor.com"),
      npmPackage: undefined,
      clientFiles: { read: true, write: true },
    });
    expect(config.agents.get("gemini")?.clientFiles).toEqual({ read: false, write: true });
    expect(config.acp).toEqual({ defaultAgent: undefined, npx: false });
    expect(config.permissions).toEqual(usualPermissions);
    expect(config.kiln).toEqual({
      roots: undefined,
      read: [],
      write: [],
      deny: ["**/.git/hooks/**"],
      network: "open",
    });
    expect(config.sandbox).toEqual(usualSandbox);
    expect(config.limits).toEqual({ memory: undefined, pids: undefined, graceSeconds: 1.5 });
    expect(config.server).toEqual({
      socket: undefined,
      logLevel: "info",
      maxAgents: 32,
      metricsPort: undefined,
      retentionDays: 30,
      maxStoreMb: 1024,
    });
  });

  test("may be an empty file", () => {
    expect(load("").agents.size).toBe(5);
  });

  test("takes the published example word for word", () => {
    const profile = load(published).agents.get("my-claude");
    expect(profile).toMatchObject({ family: "claude", lineage: ["claude"], command: "claude-agent-acp" });
    expect(profile?.delegation).toEqual({
      enabled: true,
      maxDepth: 2,
      allowedTargets: ["opencode", "cursor"],
      resultMaxBytes: 102400,
      maxConcurrentDelegations: 3,
      allowCycles: false,
      maxHandoffDepth: 3,
      maxHandoffsPerSession: 10,
      maxDelegationsPerSession: undefined,
      maxAgentsPerTree: 500,
      maxTokensPerTree: undefined,
      maxCostPerTree: undefined,
      maxSecondsPerTree: undefined,
      tools: "delegate",
      dynamicAgents: false,
      keepBackground: false,
      waitSeconds: undefined,
      stallSeconds: 1800,
      timeoutSeconds: undefined,
    });
  });

  test("takes every key", () => {
    const folder = configFolder();
    const home = "/home/of-a-test";
    const toml = `
[acp]
default_agent = "own"
npx = true
[acp.agents.own]
command = "own-agent"
args = ["--acp", "~/x", "\${NOT_EXPANDED}"]
env = { A = "1", "npm_config_//registry" = "2" }
cwd = "/tmp"
description = "d"
model = "m"
model_roles = { fast = "small" }
mode = "plan"
instructions = """
two
lines"""
brief = "Report to {from}, from {cwd}."
startup_timeout_seconds = 1.5
idle_seconds = 2.5
config_dirs = ["/etc/own"]
permissions = { default = "deny", deny = ["execute:rm *"], ask = ["*:**"], allow = ["read:**"], unattended = "allow", ask_timeout_seconds = 0.5 }
sandbox = { mode = "bwrap", accept = "full", applies_to = "all", home = "real" }
delegation = { enabled = true, max_depth = 0, allowed_targets = [], result_max_bytes = 1024, max_concurrent_delegations = 1, allow_cycles = true, max_handoff_depth = 0, max_handoffs_per_session = 0, max_delegations_per_session = 4, max_agents_per_tree = 5, max_tokens_per_tree = 6, max_cost_per_tree = 0.7, max_seconds_per_tree = 8, tools = "both", dynamic_agents = true, keep_background = true, wait_seconds = 0, stall_seconds = 9.5, timeout_seconds = 0.5 }
[permissions]
default = "allow"
deny = ["bash:sudo *"]
ask = ["write:**/.env"]
allow = ["mcp:files_*"]
unattended = "allow"
ask_timeout_seconds = 60
[kiln]
roots = ["~/src", "/work"]
read = ["~/.gitconfig"]
write = ["/var/cache"]
deny = ["**/.env", "~/.ssh/**"]
network = ["api.example.com", "*.example.org:443"]
[sandbox]
mode = "landlock"
accept = "advisory"
applies_to = "all"
home = "real"
[limits]
memory = "1.5GiB"
pids = 100
grace_seconds = 0
[server]
socket = "/run/x.sock"
log_level = "trace"
max_agents = 1
metrics_port = 9464
retention_days = 0.5
max_store_mb = 64
`;
    const request = folder.request({ file: folder.write("crucible.toml", toml) });
    const config = loadConfig({ ...request, env: { ...request.env, HOME: home } });
    expect(config.acp).toEqual({ defaultAgent: "own", npx: true });
    expect(config.permissions).toEqual({
      default: "allow",
      deny: ["bash:sudo *"],
      ask: ["write:**/.env"],
      allow: ["mcp:files_*"],
      unattended: "allow",
      askTimeoutSeconds: 60,
    });
    expect(config.kiln).toEqual({
      roots: [join(home, "src"), "/work"],
      read: [join(home, ".gitconfig")],
      write: ["/var/cache"],
      deny: ["**/.env", join(home, ".ssh/**")],
      network: ["api.example.com", "*.example.org:443"],
    });
    expect(config.sandbox).toEqual({ mode: "landlock", accept: "advisory", appliesTo: "all", home: "real" });
    expect(config.limits).toEqual({ memory: 1.5 * 1024 ** 3, pids: 100, graceSeconds: 0 });
    expect(config.server).toEqual({
      socket: "/run/x.sock",
      logLevel: "trace",
      maxAgents: 1,
      metricsPort: 9464,
      retentionDays: 0.5,
      maxStoreMb: 64,
    });
    expect(config.agents.get("own")).toEqual({
      name: "own",
      family: undefined,
      lineage: [],
      command: "own-agent",
      args: ["--acp", "~/x", "${NOT_EXPANDED}"],
      env: { A: "1", "npm_config_//registry": "2" },
      cwd: "/tmp",
      description: "d",
      model: "m",
      mode: "plan",
      modelRoles: { fast: "small" },
      instructions: "two\nlines",
      brief: "Report to {from}, from {cwd}.",
      startupTimeoutSeconds: 1.5,
      idleSeconds: 2.5,
      configDirs: ["/etc/own"],
      permissions: {
        default: "deny",
        deny: ["execute:rm *"],
        ask: ["*:**"],
        allow: ["read:**"],
        unattended: "allow",
        askTimeoutSeconds: 0.5,
      },
      sandbox: { mode: "bwrap", accept: "full", appliesTo: "all", home: "real" },
      delegation: {
        enabled: true,
        maxDepth: 0,
        allowedTargets: [],
        resultMaxBytes: 1024,
        maxConcurrentDelegations: 1,
        allowCycles: true,
        maxHandoffDepth: 0,
        maxHandoffsPerSession: 0,
        maxDelegationsPerSession: 4,
        maxAgentsPerTree: 5,
        maxTokensPerTree: 6,
        maxCostPerTree: 0.7,
        maxSecondsPerTree: 8,
        tools: "both",
        dynamicAgents: true,
        keepBackground: true,
        waitSeconds: 0,
        stallSeconds: 9.5,
        timeoutSeconds: 0.5,
      },
      install: undefined,
      npmPackage: undefined,
      clientFiles: { read: true, write: true },
    });
  });

  test("takes a profile's own permissions as a whole, and its sandbox key by key", () => {
    const config = load(`
[permissions]
deny = ["execute:rm *"]
unattended = "allow"
[sandbox]
accept = "full"
[acp.agents.base]
extends = "claude"
permissions = { ask = ["fetch:*"] }
sandbox = { mode = "off" }
[acp.agents.heir]
extends = "base"
sandbox = { home = "real" }
`);
    const ofAgents = ["claude", "base", "heir"].map((name) => config.agents.get(name)!);
    expect(ofAgents.map(({ permissions }) => permissions)).toEqual([
      { ...usualPermissions, deny: ["execute:rm *"], unattended: "allow" },
      { ...usualPermissions, ask: ["fetch:*"] },
      { ...usualPermissions, ask: ["fetch:*"] },
    ]);
    expect(ofAgents.map(({ sandbox }) => sandbox)).toEqual([
      { ...usualSandbox, accept: "full" },
      { ...usualSandbox, accept: "full", mode: "off" },
      { ...usualSandbox, accept: "full", mode: "off", home: "real" },
    ]);
  });

  test.each([
    ["512MB", 512_000_000],
    ["2048K", 2 * 1024 ** 2],
    ["2 GiB", 2 * 1024 ** 3],
  ])("reads the size %s", (size, bytes) => {
    expect(load(`limits = { memory = "${size}" }`).limits.memory).toBe(bytes);
  });

  test("cannot be changed by anybody who holds it", () => {
    const config = load(published);
    const profile = config.agents.get("my-claude")!;
    const agents = config.agents as Map<string, unknown>;
    expect(() => agents.set("x", {})).toThrow(TypeError);
    expect(() => agents.delete("claude")).toThrow(TypeError);
    expect(() => agents.clear()).toThrow(TypeError);
    for (const part of [
      config,
      config.acp,
      config.server,
      profile,
      profile.delegation,
      profile.delegation.allowedTargets,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.isFrozen(config.agents.get("gemini")?.clientFiles)).toBe(true);
  });

  test("knows where it was read from", () => {
    const folder = configFolder();
    folder.write("c.toml", "");
    expect(loadConfig(folder.request({ file: "c.toml" })).file).toBe(join(folder.root, "c.toml"));
  });
});

describe("whatever stands in the file", () => {
  const words = fc.constantFrom(
    "acp",
    "agents",
    "server",
    "limits",
    "claude",
    "own",
    "self",
    "a.b",
    "extends",
    "command",
    "args",
    "env",
    "delegation",
    "enabled",
    "max_depth",
    "allowed_targets",
    "default_agent",
    "toString",
    "x",
    "",
    "hasOwnProperty",
    "socket",
  );
  const document = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      words,
      fc.boolean(),
      fc.integer({ min: -3, max: 70_000 }),
      fc.constant("${UNSET}"),
      fc.array(words, { maxLength: 3 }),
      tie("table"),
    ),
    table: fc.dictionary(words, tie("value"), { maxKeys: 5 }),
  }));
  const profile = fc.dictionary(words, document.value, { maxKeys: 6 });
  const file = fc.oneof(
    document.table,
    fc.record({ acp: fc.record({ agents: fc.dictionary(words, profile, { maxKeys: 4 }) }) }),
  );

  test("it is a configuration or an error that says what is wrong, never a crash", () => {
    const folder = configFolder();
    fc.assert(
      fc.property(file, (values) => {
        const toml = stringify(values);
        expect(() => parse(toml)).not.toThrow();
        const request = folder.request({ file: folder.write("crucible.toml", toml) });
        try {
          loadConfig(request);
        } catch (error) {
          if (!(error instanceof CrucibleError)) throw error;
          expect(error.code).toBe("CRU_CONFIG_INVALID");
          expect(error.message).toMatch(/crucible\.toml:\d+:\d+: \S/);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("syntax errors carry the parser's position and a frame", () => {
    const error = loadError("[acp]\nnpx = true\ndefault_agent = claude\n[server]\n");
    expect(error.code).toBe("CRU_CONFIG_SYNTAX");
    expect(error.exitCode).toBe(4);
    expect(error.shown).toMatch(/^crucible\.toml:3:17: not valid TOML: /);
    expect(error.shown).toContain("3 | default_agent = claude\n  |                 ^");
  });

  test("arrays and tables within each other are taken so deep and no deeper", () => {
    const nested = (levels: number): string => `acp = ${"[".repeat(levels)}${"]".repeat(levels)}\n`;
    // Deep enough to be read, and wrong for another reason.
    expect(loadError(nested(maxNesting)).code).toBe("CRU_CONFIG_INVALID");
    expect(loadError(nested(maxNesting + 1)).code).toBe("CRU_CONFIG_SYNTAX");
  });

  test("names that JavaScript treats specially are refused, not lost", () => {
    for (const name of ["__proto__", "constructor"]) {
      const error = loadError(`[acp.agents.${name}]\ncommand = "x"\n`);
      expect(error.code).toBe("CRU_CONFIG_SYNTAX");
      expect(error.shown).toContain("cannot be used");
    }
  });
});
