/** Who may delegate to whom, how deep, and in which words a model is told that it may not. */
import { describe, expect, test } from "vitest";
import type { DelegationResult } from "../../src/base/delegation.ts";
import { scriptedProfile, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { shareAmongTests } from "../support/shared-set-up.ts";
import {
  endOf,
  assertNoChildren,
  callDelegate,
  control,
  delegateLine,
  mayDelegate,
  nested,
  openParent,
  type Parent,
} from "./delegating.ts";

const rules = (...lines: string[]): { delegation: string } => ({ delegation: [mayDelegate, ...lines].join("\n") });

const config = [
  scriptedProfile("plain"),
  scriptedProfile("helper"),
  scriptedProfile("one", rules("max_depth = 1")),
  scriptedProfile("two", rules("max_depth = 2")),
  scriptedProfile("three", rules("max_depth = 3")),
  scriptedProfile("deep", rules("max_depth = 9")),
  scriptedProfile("deeper", rules("max_depth = 9")),
  scriptedProfile("deepest", rules("max_depth = 9")),
  scriptedProfile("zero", rules("max_depth = 0")),
  scriptedProfile("picky", rules("max_depth = 3", 'allowed_targets = ["helper", "deep"]')),
  scriptedProfile("nobody", rules("allowed_targets = []")),
  scriptedProfile("circular", rules("max_depth = 3", "allow_cycles = true")),
].join("\n");

let daemon: TestDaemon;
const parents = new Map<string, Parent>();

shareAmongTests({
  open: async () => {
    parents.clear();
    daemon = await startDaemon({ config });
  },
  check: () => assertNoChildren(daemon),
  close: () => endOf(daemon, parents.values()),
});

/** One editor for each profile serves all tests of this file. */
async function parentOf(agent: string): Promise<Parent> {
  const parent = parents.get(agent) ?? (await openParent(daemon, agent));
  parents.set(agent, parent);
  return parent;
}

/** Has each of the chain delegate to the next; gives the last one's result, unpacked. */
async function chain(first: string, ...rest: string[]): Promise<DelegationResult> {
  const last = "say arrived";
  const task = rest.slice(1).reduceRight((inner, agent) => delegateLine({ agent, task: inner }), last);
  let result = await (await parentOf(first)).delegate({ agent: rest[0]!, task });
  for (let level = 1; level < rest.length; level++) {
    expect(result.status).toBe("completed");
    result = nested(result);
  }
  return result;
}

function refusal(result: DelegationResult): { code: string; message: string; hint: string } {
  expect(result).toMatchObject({ status: "refused", session_id: null, stop_reason: null, result: "", result_bytes: 0 });
  const { code, message, hint } = result.error!;
  expect(hint).toMatch(/./);
  return { code, message, hint: hint! };
}

async function onBehalfOf(from: string, target: string): Promise<ReturnType<typeof refusal>> {
  using door = await control(daemon);
  return refusal(await door.request("delegate", { agent: target, task: "say x", from, cwd: daemon.kiln }));
}

describe("enabled", () => {
  test("a profile that may not delegate is given no tools", async () => {
    for (const agent of ["plain", "zero"]) expect(await (await parentOf(agent)).servers()).toEqual([]);
  });

  test("asked on its behalf all the same, the answer is CRU_DELEGATION_DISABLED and names the key", async () => {
    const { code, hint } = await onBehalfOf("plain", "helper");
    expect(code).toBe("CRU_DELEGATION_DISABLED");
    expect(hint).toContain("[acp.agents.plain.delegation]");
  });

  test("with max_depth 0 it is CRU_DELEGATION_DEPTH", async () => {
    expect((await onBehalfOf("zero", "helper")).code).toBe("CRU_DELEGATION_DEPTH");
  });
});

describe("targets", () => {
  test("an unknown one is refused with the name that was probably meant", async () => {
    const { code, message, hint } = refusal(await (await parentOf("one")).delegate({ agent: "helpr", task: "x" }));
    expect(code).toBe("CRU_DELEGATION_TARGET_UNKNOWN");
    expect(message).toMatch(/"helpr".*did you mean.*helper/i);
    expect(hint).toContain("helper");
  });

  test("one that is nothing like any name gets no guess, but the names there are", async () => {
    const { message, hint } = refusal(await (await parentOf("picky")).delegate({ agent: "xyzzyquux", task: "x" }));
    expect(message).not.toMatch(/did you mean/i);
    expect(hint).toMatch(/helper/);
  });

  test("an unknown name is not helped along with names that are not allowed", async () => {
    const { message, hint } = refusal(await (await parentOf("picky")).delegate({ agent: "plan", task: "x" }));
    expect(`${message} ${hint}`).not.toMatch(/plain/);
  });

  test("one outside allowed_targets is refused, and the hint names those inside", async () => {
    const { code, message, hint } = refusal(await (await parentOf("picky")).delegate({ agent: "plain", task: "x" }));
    expect(code).toBe("CRU_DELEGATION_TARGET_NOT_ALLOWED");
    expect(message).toContain("plain");
    expect(message).toContain("allowed_targets of picky");
    expect(hint).toMatch(/helper/);
    expect(hint).toMatch(/deep/);
  });

  test("one inside is allowed", async () => {
    expect(await chain("picky", "helper")).toMatchObject({ status: "completed", result: "arrived" });
  });

  test("an ancestor's list binds its descendants, whose own lists allow more", async () => {
    const { code, message } = refusal(await chain("picky", "deep", "plain"));
    expect(code).toBe("CRU_DELEGATION_TARGET_NOT_ALLOWED");
    expect(message).toContain("allowed_targets of picky");
    expect(await chain("picky", "deep", "helper")).toMatchObject({ status: "completed", result: "arrived" });
  });

  test("an empty list allows none, and still oneself", async () => {
    const { code } = refusal(await (await parentOf("nobody")).delegate({ agent: "helper", task: "x" }));
    expect(code).toBe("CRU_DELEGATION_TARGET_NOT_ALLOWED");
    expect(await chain("nobody", "self")).toMatchObject({ status: "completed", agent: "nobody" });
  });

  test("a target whose program is missing fails with where it was looked for and how to install it", async () => {
    const result = await (await parentOf("one")).delegate({ agent: "gemini", task: "x" });
    expect(result).toMatchObject({ status: "failed", error: { code: "CRU_AGENT_NOT_FOUND" } });
    expect(result.error?.hint).toContain("npm install -g @google/gemini-cli");
  });
});

describe("depth counts over the whole lineage", () => {
  test("max_depth 1: the child is given no tools", async () => {
    const result = await (await parentOf("one")).delegate({ agent: "deep", task: "mcp-servers" });
    expect(result.result).toBe("[]");
  });

  test("max_depth 2: the grandchild works, and is given no tools", async () => {
    expect(await chain("two", "deep", "helper")).toMatchObject({ status: "completed", result: "arrived" });
    const child = await (
      await parentOf("two")
    ).delegate({
      agent: "deep",
      task: delegateLine({ agent: "deeper", task: "mcp-servers" }),
    });
    expect(nested(child).result).toBe("[]");
  });

  test("max_depth 3: the great-grandchild works; self counts like any other", async () => {
    expect(await chain("three", "deep", "deeper", "helper")).toMatchObject({ status: "completed", result: "arrived" });
    const child = await (
      await parentOf("three")
    ).delegate({
      agent: "self",
      task: delegateLine({ agent: "self", task: delegateLine({ agent: "self", task: "mcp-servers" }) }),
    });
    expect(nested(nested(child)).result).toBe("[]");
  });

  test("a child's smaller max_depth holds below it, an ancestor's larger one notwithstanding", async () => {
    const result = await (
      await parentOf("deep")
    ).delegate({
      agent: "one",
      task: delegateLine({ agent: "deeper", task: "mcp-servers" }),
    });
    expect(nested(result).result).toBe("[]");
  });
});

describe("cycles", () => {
  test("a profile that already stands in the lineage is refused, with the path", async () => {
    const { code, message, hint } = refusal(await chain("deep", "deeper", "deepest", "deeper"));
    expect(code).toBe("CRU_DELEGATION_CYCLE");
    expect(message).toMatch(/deep\b.*deeper\b.*deepest\b.*deeper/);
    expect(hint).toContain("self");
  });

  test("so is the root, and so is oneself by name", async () => {
    expect(refusal(await chain("deep", "deeper", "deep")).code).toBe("CRU_DELEGATION_CYCLE");
    expect(refusal(await chain("deep", "deep")).code).toBe("CRU_DELEGATION_CYCLE");
  });

  test("self is a deliberate repeat, at every level", async () => {
    expect(await chain("deep", "self", "self")).toMatchObject({ status: "completed", agent: "deep" });
  });

  test("allow_cycles of the calling profile allows it; of another one in the path it does not", async () => {
    expect(await chain("circular", "deep")).toMatchObject({ status: "completed" });
    expect(await chain("circular", "circular")).toMatchObject({ status: "completed" });
    expect(await chain("deep", "circular", "deep")).toMatchObject({ status: "completed" });
    expect(refusal(await chain("circular", "deep", "circular")).code).toBe("CRU_DELEGATION_CYCLE");
  });
});

describe("what the model reads", () => {
  test("the description names the targets it may choose, with what each is good at, and no other", async () => {
    const tools = await (await parentOf("picky")).tools();
    try {
      const { tools: list } = await tools.listTools();
      const description = list.find(({ name }) => name === "delegate_session")?.description ?? "";
      expect(description).toMatch(/helper/);
      expect(description).toMatch(/self/);
      expect(description).not.toMatch(/plain|gemini|OpenCode/);
    } finally {
      await tools.close();
    }
  });

  test("built-in targets are described", async () => {
    const tools = await (await parentOf("one")).tools();
    try {
      const { tools: list } = await tools.listTools();
      const description = list.find(({ name }) => name === "delegate_session")?.description ?? "";
      for (const name of ["claude", "opencode", "cursor", "gemini", "codex"]) {
        expect(description).toMatch(new RegExp(`${name}: .{20,}`));
      }
    } finally {
      await tools.close();
    }
  });

  test("arguments of the wrong shape are explained and nothing is started", async () => {
    const tools = await (await parentOf("one")).tools();
    try {
      for (const bad of [
        {},
        { agent: "helper" },
        { task: "x" },
        { agent: "", task: "x" },
        { agent: "helper", task: "" },
        { agent: 7, task: "x" },
        { agent: "helper", task: "x", surprise: true },
      ]) {
        const answer = await tools.callTool({ name: "delegate_session", arguments: bad });
        expect(answer.isError, JSON.stringify(bad)).toBe(true);
        expect(JSON.stringify(answer.content)).toMatch(/agent|task|surprise/);
      }
    } finally {
      await tools.close();
    }
  });

  test("a refusal is a tool result with isError, its code in the text, and not a protocol error", async () => {
    const tools = await (await parentOf("picky")).tools();
    try {
      const { isError, text, result } = await callDelegate(tools, { agent: "plain", task: "x" });
      expect(isError).toBe(true);
      expect(text).toContain("CRU_DELEGATION_TARGET_NOT_ALLOWED");
      expect(text).toContain(result.error?.hint);
    } finally {
      await tools.close();
    }
  });
});
