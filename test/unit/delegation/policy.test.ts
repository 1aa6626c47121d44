/** The one decision whether a delegation is allowed, against an independent statement of the rules. */
import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import type { AgentProfile } from "../../../src/config/config.ts";
import { decide, reachableTargets, type Caller } from "../../../src/delegation/policy.ts";
import { grantOf, profile } from "../sessions/profiles.ts";

const configOf = (...profiles: AgentProfile[]): { agents: Map<string, AgentProfile> } => ({
  agents: new Map(profiles.map((one) => [one.name, one])),
});

function callerOf(lineage: readonly AgentProfile[]): Caller {
  return {
    profile: lineage.at(-1)!,
    grant: grantOf(lineage),
    lineage: lineage.map((one) => ({ profile: one })),
  };
}

function codeOf(lineage: readonly AgentProfile[], target: string, config = configOf(...lineage)): string {
  const decision = decide(callerOf(lineage), target, config);
  return decision.allowed ? "allowed" : decision.refusal.code;
}

const names = ["a", "b", "c", "d"];
const anyConfig = fc
  .tuple(
    ...names.map((name) =>
      fc
        .record({
          enabled: fc.boolean(),
          maxDepth: fc.integer({ min: 0, max: 4 }),
          allowedTargets: fc.oneof(fc.constant("all" as const), fc.subarray(names)),
          allowCycles: fc.boolean(),
        })
        .map((rules) => profile(name, rules)),
    ),
  )
  .map((profiles) => configOf(...profiles));

test("for any configuration, lineage and target: allowed exactly when every rule allows it", () => {
  fc.assert(
    fc.property(
      anyConfig,
      fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }),
      fc.constantFrom(...names, "self", "nobody"),
      (config, path, target) => {
        const lineage = path.map((name) => config.agents.get(name)!);
        const caller = lineage.at(-1)!;
        const levelsLeft = lineage.map(
          ({ delegation }, index) => (delegation.enabled ? delegation.maxDepth : 0) - (lineage.length - 1 - index),
        );
        const general = caller.delegation.enabled && Math.min(...levelsLeft) > 0;
        const onEveryList = lineage.every(
          ({ delegation: { allowedTargets } }) => allowedTargets === "all" || allowedTargets.includes(target),
        );
        const noCycle = caller.delegation.allowCycles || !path.includes(target);
        const expected = general && (target === "self" || (names.includes(target) && onEveryList && noCycle));

        const decision = decide(callerOf(lineage), target, config);
        expect(decision.allowed).toBe(expected);
        if (decision.allowed) expect(decision.profile.name).toBe(target === "self" ? caller.name : target);
        else expect(decision.refusal.hint).toMatch(/./);
      },
    ),
  );
});

test("the targets told to a model are exactly those that would be allowed", () => {
  fc.assert(
    fc.property(anyConfig, fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }), (config, path) => {
      const caller = callerOf(path.map((name) => config.agents.get(name)!));
      const reachable = reachableTargets(caller, config).map(({ name }) => name);
      expect(reachable).toEqual(names.filter((name) => decide(caller, name, config).allowed));
    }),
  );
});

describe("the words of a refusal", () => {
  const [root, middle, leaf] = [
    profile("root", { maxDepth: 5, allowedTargets: ["middle", "leaf"] }),
    profile("middle", { maxDepth: 5 }),
    profile("leaf", { maxDepth: 5 }),
  ];
  const config = configOf(root, middle, leaf, profile("other"));
  const messageOf = (lineage: AgentProfile[], target: string): string => {
    const decision = decide(callerOf(lineage), target, config);
    if (decision.allowed) throw new Error("expected a refusal");
    return `${decision.refusal.message} | ${decision.refusal.hint}`;
  };

  test("disabled names the key to set", () => {
    expect(messageOf([profile("mute", { enabled: false })], "leaf")).toContain("[acp.agents.mute.delegation]");
  });

  test("a cycle names the whole path", () => {
    expect(messageOf([root, middle, leaf], "middle")).toContain("root → middle → leaf → middle");
  });

  test("depth names whose limit it is", () => {
    expect(messageOf([profile("shallow", { maxDepth: 1 }), middle], "leaf")).toContain("max_depth of shallow");
  });

  test("a target an ancestor left out names that ancestor", () => {
    expect(messageOf([root, middle], "other")).toMatch(/allowed_targets of root, an ancestor of middle/);
    expect(messageOf([root], "other")).not.toMatch(/ancestor/);
  });

  test("an unknown target never lists one that is out of reach", () => {
    expect(messageOf([root], "othr")).not.toMatch(/other/);
    expect(messageOf([root], "laef")).toMatch(/leaf/);
  });

  test("with nobody to ask the hint is to do the work oneself", () => {
    expect(messageOf([profile("alone", { allowedTargets: [] })], "leaf")).toMatch(/do the work yourself/);
  });
});

test.each([
  ["an unknown target of a profile that may not delegate", "nobody", { enabled: false }, "CRU_DELEGATION_DISABLED"],
  ["itself by name", "a", {}, "CRU_DELEGATION_CYCLE"],
  ["itself by name, with cycles", "a", { allowCycles: true }, "allowed"],
  ["self", "self", {}, "allowed"],
  ["self, with no target allowed", "self", { allowedTargets: [] }, "allowed"],
  ["self, without depth", "self", { maxDepth: 0 }, "CRU_DELEGATION_DEPTH"],
])("%s", (_, target, rules, code) => {
  expect(codeOf([profile("a", rules)], target)).toBe(code);
});
