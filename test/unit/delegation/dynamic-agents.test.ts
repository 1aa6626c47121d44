/** Agents made at run time: how many one tree may have. */
import { expect, test } from "vitest";
import { DynamicAgents, maxDynamicAgents } from "../../../src/delegation/dynamic-agents.ts";
import type { Session } from "../../../src/sessions/session.ts";
import { profile } from "../sessions/profiles.ts";

function tree(): Session {
  const root = {} as { root: unknown };
  root.root = root;
  return root as unknown as Session;
}

test("a tree has so many of its own and no more; one that is deleted makes room, and another tree has its own", () => {
  const agents = new DynamicAgents();
  const [one, other] = [tree(), tree()];
  const make = (session: Session, name: string) =>
    agents.create(
      session,
      { name, base: profile("base"), instructions: undefined, model: undefined, tools: undefined },
      new Map(),
    );
  for (let index = 0; index < maxDynamicAgents; index++) make(one, `agent-${index}`);
  expect(() => make(one, "more")).toThrow(
    expect.objectContaining({ code: "CRU_DELEGATION_LIMIT", hint: expect.stringContaining("delete_agent") as string }),
  );
  make(other, "more");
  agents.delete(one, "agent-0");
  make(one, "more");
  expect(agents.of(one).size).toBe(maxDynamicAgents);
});
