/** Records as the store keeps them, with every field filled in. */
import type { DelegationRecord, PermissionRecord, SessionRecord } from "../../../src/sessions/records.ts";

export function session(id: string, fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id,
    origin: "editor",
    profile: "p",
    agentSessionId: `agent-${id}`,
    parentId: null,
    cwd: "/kiln",
    additionalDirectories: ["/a", "/b"],
    title: "Titel 語 🦀",
    usage: { tokens: 7, cost: { amount: 0.5, currency: "EUR" } },
    createdAt: 1,
    updatedAt: 2,
    endedAt: 3,
    sandbox: null,
    endReason: "the editor closed it",
    ...fields,
  };
}

export function delegation(id: string, fields: Partial<DelegationRecord> = {}): DelegationRecord {
  return {
    id,
    callerSessionId: "s",
    childSessionId: null,
    agent: "a",
    title: "t",
    task: "do it",
    status: "completed",
    result: "xy 語".repeat(10_000),
    stopReason: "end_turn",
    error: null,
    tried: [],
    notes: ["mode x was not set: the agent offers none"],
    artifacts: [{ kind: "file", path: "a.txt" }],
    usage: { tokens: 7, cost: { amount: 0.5, currency: "EUR" } },
    createdAt: 1,
    endedAt: 2,
    ...fields,
  };
}

export function permission(id: string, fields: Partial<PermissionRecord> = {}): PermissionRecord {
  return {
    id,
    sessionId: "s",
    rootId: "s",
    at: 1,
    kind: "execute",
    subject: "rm -rf build",
    title: "Clean up",
    decision: "denied",
    decidedBy: "rule deny execute:rm *",
    detail: "",
    ...fields,
  };
}
