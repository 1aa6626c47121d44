/** What is sent about child sessions is what the SDK's unstable schema of version 1 describes, field by field. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { subagentUpdate, wantsSubagents, type SubagentState, type SubagentUpdate } from "../../../src/acp/subagents.ts";

interface Definition {
  properties?: Record<string, unknown>;
  anyOf?: { properties?: Record<string, { const?: string }> }[];
}

const schemaFile = new URL(
  "../../../node_modules/@agentclientprotocol/sdk/schema/v1/schema.unstable.json",
  import.meta.url,
);
const { $defs } = JSON.parse(readFileSync(schemaFile, "utf8")) as { $defs: Record<string, Definition> };

const fields = (name: string): string[] => Object.keys($defs[name]!.properties ?? {});
const consts = (name: string, field: string): unknown[] =>
  ($defs[name]!.anyOf ?? []).flatMap(({ properties }) => properties?.[field]?.const ?? []);

const whole: Required<SubagentUpdate> = {
  sessionId: "ses_child",
  title: "worker: Dig",
  description: "Works for parent: Dig",
  capabilities: { cancel: {} },
  state: { state: "running" },
  cwd: "/project",
  additionalDirectories: ["/other"],
  _meta: { crucible: {} },
};

describe("subagent_update", () => {
  test("has exactly the fields of the schema", () => {
    const { sessionUpdate, ...rest } = subagentUpdate(whole);
    expect(sessionUpdate).toBe("subagent_update");
    expect(Object.keys(rest).toSorted()).toEqual(fields("SubagentUpdate").toSorted());
    expect(fields("SubagentSessionCapabilities")).toContain("cancel");
  });

  test("leaves out what did not change", () => {
    expect(subagentUpdate({ sessionId: "ses_child", state: { state: "unknown" } })).toEqual({
      sessionUpdate: "subagent_update",
      sessionId: "ses_child",
      state: { state: "unknown" },
    });
  });

  test("knows the states and stop reasons of the schema", () => {
    const states: SubagentState["state"][] = ["running", "idle", "requires_action", "unknown"];
    expect(consts("StateUpdate", "state")).toEqual(states);
    expect(consts("IdleStateUpdate", "stopReason")).toEqual([
      "end_turn",
      "max_tokens",
      "max_turn_requests",
      "refusal",
      "cancelled",
      "error",
    ]);
    expect(fields("ErrorStopReason")).toContain("error");
  });

  test.each([
    [{ subagents: {} }, true],
    [{ subagents: { _meta: {} } }, true],
    [{ subagents: null }, false],
    [{}, false],
    [{ subagents: true }, false],
  ])("capabilities %j ask for them: %s", (capabilities, expected) => {
    expect(wantsSubagents(capabilities)).toBe(expected);
  });
});
