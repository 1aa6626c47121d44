/** `crucible explain`: would it be allowed, which rule decides, what could the child do; and the daemon decides just so. */
import { linkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { loadConfig } from "../../src/config/load.ts";
import { explainDelegation } from "../../src/daemon/explain.ts";
import type { Explanation } from "../../src/delegation/explain.ts";
import { scriptedProfile, startDaemon, type Finished, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import { control, delegateLine, endOf, nested } from "./delegating.ts";

/** A profile that is only asked about: what the policy lets through fails for want of a program. */
function absent(name: string, ...rules: string[]): string {
  const table = `acp.agents.${name}`;
  return [`[${table}]`, 'command = "no-such-program"', `[${table}.delegation]`, ...rules, ""].join("\n");
}

const names = ["open", "mute", "flat", "picky", "round"];

const config = [
  absent("open", "enabled = true", "max_depth = 2", "result_max_bytes = 2048", "max_concurrent_delegations = 7"),
  absent("mute", "enabled = false", "max_depth = 5"),
  absent("flat", "enabled = true", "max_depth = 0"),
  absent("picky", "enabled = true", "max_depth = 4", 'allowed_targets = ["open", "mute"]'),
  absent("round", "enabled = true", "allow_cycles = true"),
  scriptedProfile("real", { delegation: 'enabled = true\nmax_depth = 2\nallowed_targets = ["open"]' }),
].join("\n");

let daemon: TestDaemon;
shareAmongTests({
  open: async () => void (daemon = await startDaemon({ config })),
  close: () => endOf(daemon),
});

const explain = (...args: string[]): Promise<Finished> =>
  daemon.crucible(["explain", ...args, "--config", daemon.home.configFile]);

async function explained(...args: string[]): Promise<Explanation & { code: number | null }> {
  const { code, stdout } = await explain(...args, "--json");
  return { code, ...(JSON.parse(stdout) as Explanation) };
}

/** What the policy of the daemon says: its refusal, or "allowed" for what only failed because there is no program. */
function verdict({ error }: Pick<DelegationResult, "error">): string {
  return error?.code === "CRU_AGENT_NOT_FOUND" ? "allowed" : (error?.code ?? "allowed");
}

const verdictOf = ({ allowed, error }: Explanation): string => (allowed ? "allowed" : (error?.code ?? "no code"));

describe("in words", () => {
  test("an allowed one: exit code 0, with the rule and what the child could do", async () => {
    const { code, stdout, stderr } = await explain("picky", "open", "--cwd", "/tmp");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^picky → open: allowed\n/);
    expect(stdout).toMatch(/because.*allowed_targets.*4 levels are left by max_depth of picky/);
    // One level is used, and open itself allows two.
    expect(stdout).toMatch(/levels below the child\s+2\n/);
    expect(stdout).toMatch(/its targets\s+open, mute\n/);
    expect(stdout).toMatch(/its kiln\s+\/tmp\n/);
    expect(stderr).toBe("");
  });

  test("a refused one: exit code 6, with the code and what the agent is told", async () => {
    const { code, stdout } = await explain("picky", "flat");
    expect(code).toBe(6);
    expect(stdout).toMatch(/^picky → flat: refused\n/);
    expect(stdout).toMatch(/because.*not in allowed_targets of picky/);
    expect(stdout).toMatch(/code\s+CRU_DELEGATION_TARGET_NOT_ALLOWED\n/);
    expect(stdout).toMatch(/the agent is told.*open/);
    expect(stdout).not.toMatch(/levels below/);
  });

  test("a directory in which no session could work refuses, as the daemon does", async () => {
    const gone = join(daemon.kiln, "gone");
    const file = join(daemon.kiln, "plain.txt");
    writeFileSync(file, "");
    for (const cwd of [gone, file]) {
      const { code, error } = await explained("picky", "open", "--cwd", cwd);
      expect({ code, error: error?.code }).toEqual({ code: 6, error: "CRU_KILN_DIRECTORY" });
      const { code: real, stderr } = await daemon.crucible([
        "delegate",
        "real",
        "say x",
        "--cwd",
        cwd,
        ...daemon.home.place,
      ]);
      expect({ real, stderr }).toEqual({ real: 6, stderr: expect.stringContaining("[CRU_KILN_DIRECTORY]") as string });
    }
  });

  test("--depth counts the copies of the profile above the caller", async () => {
    const [one, two] = await Promise.all([
      explain("open", "flat", "--depth", "1"),
      explain("open", "flat", "--depth", "2"),
    ]);
    expect([one.code, two.code]).toEqual([0, 6]);
    expect(one.stdout).toMatch(/^open → open → flat: allowed\n[^]*levels below the child\s+0\n/);
    expect(two.stdout).toMatch(/CRU_DELEGATION_DEPTH/);
  });
});

describe("as data", () => {
  test("an allowed one", async () => {
    expect(await explained("open", "picky", "--cwd", "/tmp")).toEqual({
      code: 0,
      allowed: true,
      daemon: null,
      lineage: ["open"],
      target: "picky",
      because: expect.stringMatching(/2 levels are left by max_depth of open/) as string,
      error: null,
      environment: expect.arrayContaining(["HOME", "PATH"]) as string[],
      grant: {
        remaining_depth: 1,
        targets: ["open", "mute"],
        kiln: ["/tmp"],
        result_max_bytes: 2048,
        max_concurrent_delegations: 7,
      },
      permissions: {
        deny: [],
        ask: [],
        allow: [],
        default: "ask",
        unattended: "deny",
        ask_timeout_seconds: 3600,
        bound_by: ["picky", "open"],
      },
      // The test's own home lies in /tmp.
      sandbox: {
        sandbox: { mechanism: "bwrap", strength: "partial", lost: ["the user's whole home, which is the kiln"] },
        error: null,
      },
    });
  });

  test("with the files of its kiln that have a name outside, too", async () => {
    writeFileSync(join(daemon.home.folder, "outside"), "");
    linkSync(join(daemon.home.folder, "outside"), join(daemon.kiln, "inside"));
    const asked = ["picky", "open", "--cwd", daemon.kiln];
    expect(await explained(...asked)).toMatchObject({ hard_links: [{ directory: daemon.kiln, own: 1, shared: 0 }] });
    expect((await explain(...asked)).stdout).toMatch(/hard links out\s+1 of your own files, such as inside;/);
  });

  test("a refused one is data on stdout, too, and the exit code tells", async () => {
    expect(await explained("mute", "open")).toMatchObject({
      code: 6,
      allowed: false,
      grant: null,
      error: { code: "CRU_DELEGATION_DISABLED", hint: expect.stringMatching(/./) as string },
    });
  });
});

describe("what cannot be asked", () => {
  test("from a profile that is not there", async () => {
    const { code, stdout, stderr } = await explain("opne", "flat");
    expect([0, 6]).not.toContain(code);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error: .*opne.*\[CRU_AGENT_UNKNOWN\]\n\nhint: .*open/);
  });

  test.each(["-1", "1.5", "x", "17"])("at depth %s", async (depth) => {
    const { code, stdout, stderr } = await explain("open", "flat", `--depth=${depth}`);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/--depth.*whole number from 0 to 16/);
  });

  test("without a target", async () => {
    expect((await explain("open")).code).toBe(2);
  });
});

describe("the daemon decides the same", () => {
  test("for every pair of profiles, self and a name that is not there", async () => {
    using door = await control(daemon);
    const { kiln, home } = daemon;
    const loaded = loadConfig({ file: home.configFile, env: home.env, cwd: kiln, handStarted: true });
    const pairs = names.flatMap((from) => [...names, "self", "nobody"].map((target) => ({ from, target })));
    const decided = await Promise.all(
      pairs.map(({ from, target }) => door.request("delegate", { from, agent: target, task: "say x", cwd: kiln })),
    );
    const table = pairs.map(({ from, target }, index) => [from, target, verdict(decided[index]!)]);
    const expecting = pairs.map(async ({ from, target }) => {
      const question = { from, target, depth: 0, cwd: kiln, env: home.env, socketPath: home.socket };
      const explanation = await explainDelegation(question, loaded);
      return [from, target, verdictOf(explanation)];
    });
    expect(await Promise.all(expecting)).toEqual(table);
    // The rules these profiles were made for are all among them.
    expect(new Set(table.map(([, , word]) => word))).toEqual(
      new Set([
        "allowed",
        "CRU_DELEGATION_DISABLED",
        "CRU_DELEGATION_DEPTH",
        "CRU_DELEGATION_TARGET_NOT_ALLOWED",
        "CRU_DELEGATION_TARGET_UNKNOWN",
        "CRU_DELEGATION_CYCLE",
      ]),
    );
  });

  test("in the same words, at every depth of a real lineage", async () => {
    using door = await control(daemon);
    const last = delegateLine({ agent: "open", task: "say x" });
    const below = delegateLine({ agent: "self", task: last });
    const result = await door.request("delegate", { from: "real", agent: "self", task: below, cwd: daemon.kiln });
    // The last copy has no level left, and so no tools; its own answer says so.
    const middle = nested(result);
    const explanations = await Promise.all(
      [0, 1, 2].map((depth) => explained("real", "self", "--depth", String(depth))),
    );
    expect(explanations.map(({ allowed }) => allowed)).toEqual([true, true, false]);
    expect([result.status, middle.status]).toEqual(["completed", "completed"]);
    expect(middle.result).toMatch(/no MCP server named crucible/);
    expect(explanations[2]?.error?.code).toBe("CRU_DELEGATION_DEPTH");

    const refused = await door.request("delegate", { from: "real", agent: "flat", task: "say x", cwd: daemon.kiln });
    expect((await explained("real", "flat")).error).toEqual(refused.error);
  });
});
