/** Grants: held per session, made from the lineage, and never wider than an ancestor's. */
import * as fc from "../../support/fast-check.ts";
import { describe, expect, test } from "vitest";
import {
  childGrant,
  mayTarget,
  personGrant,
  rootGrant,
  successorGrant,
  toolSets,
  type Grant,
  type Narrowing,
} from "../../../src/sessions/grant.ts";
import { grantOf, profile } from "./profiles.ts";

const names = ["a", "b", "c", "d", "e"];
const anyProfile = fc
  .record({
    name: fc.constantFrom(...names),
    enabled: fc.boolean(),
    maxDepth: fc.integer({ min: 0, max: 6 }),
    allowedTargets: fc.oneof(fc.constant("all" as const), fc.subarray(names)),
  })
  .map(({ name, ...rules }) => profile(name, rules));
const anyLineage = fc.array(anyProfile, { minLength: 1, maxLength: 6 });

describe("along any lineage", () => {
  test("depth only shrinks, by one at least, and ends at none", () => {
    fc.assert(
      fc.property(anyLineage, anyProfile, (lineage, child) => {
        const parent = grantOf(lineage);
        const { remainingDepth } = childGrant(parent, child);
        expect(remainingDepth).toBeLessThanOrEqual(Math.max(0, parent.remainingDepth - 1));
        expect(remainingDepth).toBeLessThanOrEqual(child.delegation.enabled ? child.delegation.maxDepth : 0);
        expect(remainingDepth).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test("a target is allowed only where every ancestor's list has it", () => {
    fc.assert(
      fc.property(anyLineage, fc.constantFrom(...names), (lineage, target) => {
        const everyoneAllows = lineage.every(
          ({ delegation: { allowedTargets } }) => allowedTargets === "all" || allowedTargets.includes(target),
        );
        expect(mayTarget(grantOf(lineage), target)).toBe(everyoneAllows);
      }),
    );
  });

  test("the depth left is the smallest of what each ancestor has left, counted from where it stands", () => {
    fc.assert(
      fc.property(anyLineage, (lineage) => {
        const left = lineage.map(
          ({ delegation }, index) => (delegation.enabled ? delegation.maxDepth : 0) - (lineage.length - 1 - index),
        );
        expect(grantOf(lineage).remainingDepth).toBe(Math.max(0, Math.min(...left)));
      }),
    );
  });

  test("tools only become fewer, by whatever each caller asked for; without delegate there is no depth", () => {
    const anyNarrowing: fc.Arbitrary<Narrowing> = fc.record({
      tools: fc.option(fc.subarray([...toolSets]), { nil: undefined }),
    });
    const steps = fc.array(fc.tuple(anyProfile, anyNarrowing), { maxLength: 5 });
    fc.assert(
      fc.property(anyProfile, steps, (root, below) => {
        let grant = rootGrant(root);
        for (const [child, narrowing] of below) {
          const next = childGrant(grant, child, narrowing);
          const asked = narrowing.tools ?? [...toolSets];
          expect([...next.tools]).toEqual([...grant.tools].filter((tool) => asked.includes(tool)));
          if (!next.tools.has("delegate")) expect(next.remainingDepth).toBe(0);
          grant = next;
        }
      }),
    );
  });

  test("nothing of a grant is wider than that of any session above, whatever was taken away on the way", () => {
    const steps = fc.array(fc.tuple(anyProfile, fc.option(fc.subarray([...toolSets]), { nil: undefined })), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(anyProfile, steps, (root, below) => {
        const above: Grant[] = [rootGrant(root)];
        for (const [child, tools] of below) {
          const grant = childGrant(above.at(-1)!, child, { tools });
          for (const [generation, ancestor] of above.entries()) {
            const levels = above.length - generation;
            expect(grant.remainingDepth).toBeLessThanOrEqual(Math.max(0, ancestor.remainingDepth - levels));
            expect([...grant.tools].filter((tool) => !ancestor.tools.has(tool))).toEqual([]);
            for (const name of names) expect(mayTarget(grant, name) && !mayTarget(ancestor, name)).toBe(false);
          }
          above.push(grant);
        }
      }),
    );
  });

  test("an agent that takes over a conversation gets no more than the one before it had", () => {
    fc.assert(
      fc.property(anyLineage, anyProfile, (lineage, successor) => {
        const before = grantOf(lineage);
        const after = successorGrant(before, successor);
        expect(after.remainingDepth).toBeLessThanOrEqual(before.remainingDepth);
        for (const name of names) expect(mayTarget(after, name) && !mayTarget(before, name)).toBe(false);
      }),
    );
  });

  test("the profile named as the one that set the depth is one whose limit it is", () => {
    fc.assert(
      fc.property(anyLineage, (lineage) => {
        const { remainingDepth, depthSetBy } = grantOf(lineage);
        if (remainingDepth === 0) return;
        const own = lineage.map(({ name, delegation }, index) => ({
          name,
          left: delegation.maxDepth - (lineage.length - 1 - index),
        }));
        expect(own).toContainEqual({ name: depthSetBy, left: remainingDepth });
      }),
    );
  });
});

test("max_depth 1: the profile may delegate, its children may not", () => {
  const root = rootGrant(profile("root", { maxDepth: 1 }));
  expect(root.remainingDepth).toBe(1);
  expect(childGrant(root, profile("child", { maxDepth: 9 })).remainingDepth).toBe(0);
});

test("max_depth 2: its children may, and theirs may not", () => {
  const lineage = [profile("root", { maxDepth: 2 }), profile("child", { maxDepth: 9 })];
  expect(grantOf(lineage).remainingDepth).toBe(1);
  expect(grantOf([...lineage, profile("grandchild", { maxDepth: 9 })]).remainingDepth).toBe(0);
});

test("what a person starts is bound by its own rules alone", () => {
  expect(childGrant(personGrant, profile("child", { maxDepth: 3, allowedTargets: ["a"] }))).toEqual(
    expect.objectContaining({ remainingDepth: 3, depthSetBy: "child", targets: new Set(["a"]) }),
  );
});

test("a session that may not delegate at all has no depth, whatever max_depth says", () => {
  expect(rootGrant(profile("root", { enabled: false, maxDepth: 5 })).remainingDepth).toBe(0);
});
